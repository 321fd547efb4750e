import CFFmpeg

/// How far the thread that asks stands back for others.
public enum WorkPriority {
    /// From now on, for good, and for the threads that it starts. Where that is refused, it is as important as the others.
    /// - Parameter niceness: 0…19.
    public static func standBack(_ niceness: Int) { _ = shim_set_thread_niceness(Int32(clamping: niceness)) }
}
