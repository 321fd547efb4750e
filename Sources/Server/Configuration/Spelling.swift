/// Finds what somebody may have meant.
enum Spelling {
    /// The candidate nearest to `word`, ignoring case, if it is near enough to be a slip.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        guard word.count <= 100 else { return nil }
        let lowered = word.lowercased()
        let best = candidates.map { (candidate: $0, distance: Self.distance(lowered, $0.lowercased())) }.min { $0.distance < $1.distance }
        guard let best, best.distance <= (word.count < 5 ? 1 : max(2, word.count / 4)) else { return nil }
        return best.candidate
    }

    /// How many letters must be added, removed, changed or swapped with their neighbour.
    static func distance(_ one: String, _ other: String) -> Int {
        let left = Array(one)
        let right = Array(other)
        var beforePrevious = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        for i in left.indices {
            var current = [i + 1]
            for j in right.indices {
                var cost = min(previous[j] + (left[i] == right[j] ? 0 : 1), previous[j + 1] + 1, current[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { cost = min(cost, beforePrevious[j - 1] + 1) }
                current.append(cost)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
