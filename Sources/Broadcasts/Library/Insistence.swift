import Store

/// Something that is tried again where the store fails: a full disk may have room again in a moment, and a lock goes.
enum Insistence {
    /// A minute in all, ever more slowly.
    static let pauses: [Duration] = [100, 200, 400, 800, 1_500].map { .milliseconds($0) } + Array(repeating: .seconds(3), count: 19)

    /// - Parameters:
    ///   - isEnding: whether nobody has the time to wait any more.
    ///   - onFailure: called for the first failure, and for the one that is thrown.
    static func run<Value: Sendable>(
        pauses: [Duration], isEnding: () -> Bool, onFailure: (StoreError) -> Void, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        var pauses = pauses[...]
        var isFirst = true
        while true {
            do throws(StoreError) {
                return try await body()
            } catch {
                let pause = isEnding() ? nil : pauses.popFirst()
                if isFirst || pause == nil { onFailure(error) }
                isFirst = false
                guard let pause else { throw error }
                do { try await Task.sleep(for: pause) } catch { throw .cancelled }
            }
        }
    }
}
