import CFFmpeg

/// The process's memory as a whole, which FFmpeg's habits decide more than anything else.
public enum ProcessMemory {
    private static let largestKept: Int32 = 256 << 10

    /// Large memory goes back to the system when it is freed, from now on. By itself the C library raises this limit with the first large piece it
    /// is given back, and keeps whatever opening a source has taken for a moment: measured, 6 MB a pulled source instead of 3.
    public static func giveBackEagerly() { shim_give_back_memory_from(self.largestKept) }
}
