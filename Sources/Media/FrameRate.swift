enum FrameRate {
    /// `frames / time` when it is a rate a live stream can have; encoders that do not know write 0 or their clock's frequency.
    static func plausible(_ frames: Double, per time: Double) -> Double? {
        guard time > 0 else { return nil }
        let rate = frames / time
        return rate >= 0.1 && rate <= 480 ? rate : nil
    }
}
