import AV
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite(.againstHanging) struct BlockingExecutorTests {
    actor Counter {
        private let executor: BlockingExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }
        private(set) var count = 0
        private(set) var names: Set<String> = []

        init(_ executor: BlockingExecutor) { self.executor = executor }

        func add() {
            self.count += 1
            self.names.insert(currentThreadName())
        }
    }

    @Test func anActorRunsOnTheExecutorsNamedThread() async {
        let executor = BlockingExecutor(name: "av-test-actor-with-a-long-name")
        let counter = Counter(executor)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { await counter.add() } }
        }
        #expect(await counter.count == 100)
        #expect(await counter.names == ["av-test-actor-w"])
        executor.shutdown()
    }

    @Test func anActorMayAssumeItsThreadInAPlainJob() async {
        let executor = BlockingExecutor(name: "av-test")
        let counter = Counter(executor)
        await withCheckedContinuation { continuation in
            executor.execute {
                counter.assumeIsolated { $0.add() }
                continuation.resume()
            }
        }
        #expect(await counter.count == 1)
        executor.shutdown()
    }

    @Test func jobsRunInOrderAndDelayedOnesLater() {
        let executor = BlockingExecutor(name: "av-test")
        let seen = Shared<[Int]>([])
        let gate = DispatchSemaphore(value: 0)
        // None runs before all are there, and no delay is over before the end.
        executor.execute { gate.wait() }
        for (hours, number) in [(2, 99), (1, 98)] { executor.execute(after: .seconds(hours * 3600)) { seen.change { $0.append(number) } } }
        for number in 0..<20 { executor.execute { seen.change { $0.append(number) } } }
        gate.signal()
        executor.shutdown()
        #expect(seen.value == Array(0..<20) + [98, 99])
    }

    @Test func aDelayedJobRunsWhenItsTimeHasComeAndNotBefore() async {
        let executor = BlockingExecutor(name: "av-test")
        let seen = Shared<[Int]>([])
        executor.execute(after: .seconds(3600)) { seen.change { $0.append(2) } }
        let start = WakeSignal.now()
        await withCheckedContinuation { continuation in
            executor.execute(after: .milliseconds(30)) {
                seen.change { $0.append(1) }
                continuation.resume()
            }
        }
        #expect(WakeSignal.now() - start >= 30_000_000)
        #expect(seen.value == [1])
        executor.shutdown()
        #expect(seen.value == [1, 2])
    }

    @Test func shutdownRunsWhatWaitsAndEndsTheThread() {
        let executor = BlockingExecutor(name: "av-test")
        let ran = Shared(0)
        for _ in 0..<10 { executor.execute { ran.change { $0 += 1 } } }
        executor.execute(after: .seconds(3600)) { ran.change { $0 += 1 } }
        executor.shutdown()
        #expect(ran.value == 11)
        #expect(executor.threadCount == 0)
    }

    @Test func aJobAfterShutdownStillRuns() async {
        let executor = BlockingExecutor(name: "av-test")
        let counter = Counter(executor)
        await counter.add()
        executor.shutdown()
        await counter.add()
        #expect(await counter.count == 2)
    }

    @Test func moreJobsThanMayWaitAreRefused() {
        let executor = BlockingExecutor(name: "av-test", waiting: 3)
        let gate = DispatchSemaphore(value: 0)
        let started = DispatchSemaphore(value: 0)
        executor.execute {
            started.signal()
            gate.wait()
        }
        started.wait()
        #expect(executor.execute {})
        #expect(executor.execute {})
        #expect(executor.execute(after: .milliseconds(1)) {})
        #expect(!executor.execute {})
        gate.signal()
        executor.shutdown()
    }

    @Test func lettingGoOfTheExecutorInItsOwnJobIsFine() async {
        await withCheckedContinuation { continuation in
            var executor: BlockingExecutor? = BlockingExecutor(name: "av-test")
            executor?.execute { [executor] in
                _ = executor
                continuation.resume()
            }
            executor = nil
        }
    }

    @Test func aPoolRunsNoMoreThanItsThreadsAtOnce() async throws {
        let pool = BlockingPool(name: "av-pool", threads: 2, waiting: 100)
        let load = Shared((running: 0, most: 0))
        let job: @Sendable () -> Int = {
            load.change { $0 = ($0.running + 1, max($0.most, $0.running + 1)) }
            usleep(500)
            load.change { $0.running -= 1 }
            return 1
        }
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<40 { group.addTask { try await pool.run(job) } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 40)
        #expect(load.value.most <= 2)
        pool.shutdown()
        #expect(pool.threadCount == 0)
    }

    @Test func aFullPoolSaysSo() async {
        let pool = BlockingPool(name: "av-pool", threads: 1, waiting: 0)
        await #expect(throws: BlockingPool.Refusal.self) { try await pool.run { 1 } }
    }
}

/// As Linux shows it; empty when it cannot be read.
func currentThreadName() -> String {
    guard let comm = FileManager.default.contents(atPath: "/proc/thread-self/comm") else { return "" }
    return String(decoding: comm, as: UTF8.self).trimmingCharacters(in: .newlines)
}

/// A value that several threads change.
final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { self.mutex = Mutex(value) }

    var value: Value { self.mutex.withLock { $0 } }
    func change(_ body: (inout Value) -> Void) { self.mutex.withLock { body(&$0) } }
}
