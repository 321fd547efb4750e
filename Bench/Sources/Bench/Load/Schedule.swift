/// Timed work in order of its time: a binary heap.
struct Schedule {
    struct Entry {
        var time: UInt64
        var task: any Timed
    }

    private var heap: [Entry] = []

    var next: UInt64? { self.heap.first?.time }

    mutating func insert(_ task: any Timed, at time: UInt64) {
        self.heap.append(Entry(time: time, task: task))
        var child = self.heap.count - 1
        while child > 0, self.heap[child].time < self.heap[(child - 1) / 2].time {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The earliest entry, when its time has come.
    mutating func takeDue(_ now: UInt64) -> Entry? {
        guard let first = self.heap.first, first.time <= now else { return nil }
        let last = self.heap.removeLast()
        if self.heap.isEmpty { return first }
        self.heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count && self.heap[child].time < self.heap[smallest].time {
                smallest = child
            }
            if smallest == parent { return first }
            self.heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
