/// The long way through an HEVC sequence parameter set from the bit depths to the VUI's timing (ITU-T H.265 §7.3.2.2.1, §E.2.1). The frame rate is
/// all that is wanted of it, and only for show: what cannot be read is not known, and no error.
enum HEVCSequenceParameterSetTail {
    static func frameRate(from reader: inout BitReader, subLayers: Int) -> Double? {
        do throws(MediaError) {
            try self.skipToUsabilityInformation(&reader, subLayers: subLayers)
            guard try reader.flag() else { return nil }
            try self.skipToTiming(&reader)
            guard try reader.flag() else { return nil }
            let unitsInTick = try reader.bits(32)
            let timescale = try reader.bits(32)
            return FrameRate.plausible(Double(timescale), per: Double(unitsInTick))
        } catch {
            return nil
        }
    }

    private static func skipToUsabilityInformation(_ reader: inout BitReader, subLayers: Int) throws(MediaError) {
        let pictureOrderBits = Int(try reader.unsignedExpGolomb(limit: 12)) + 4
        let orderingLayers = try reader.flag() ? subLayers + 1 : 1
        for _ in 0..<(3 * orderingLayers) { _ = try reader.unsignedExpGolomb() }
        // Block sizes and transform depths.
        for _ in 0..<6 { _ = try reader.unsignedExpGolomb(limit: 32) }
        if try reader.flag(), try reader.flag() { try self.skipScalingLists(&reader) }
        try reader.skip(2)
        if try reader.flag() {
            try reader.skip(8)
            _ = try reader.unsignedExpGolomb(limit: 32)
            _ = try reader.unsignedExpGolomb(limit: 32)
            try reader.skip(1)
        }
        try self.skipShortTermSets(&reader)
        if try reader.flag() {
            for _ in 0..<(try reader.unsignedExpGolomb(limit: 32)) { try reader.skip(pictureOrderBits + 1) }
        }
        try reader.skip(2)
    }

    private static func skipScalingLists(_ reader: inout BitReader) throws(MediaError) {
        for size in 0..<4 {
            for _ in stride(from: 0, to: 6, by: size == 3 ? 3 : 1) {
                guard try reader.flag() else {
                    _ = try reader.unsignedExpGolomb(limit: 5)
                    continue
                }
                if size > 1 { _ = try reader.signedExpGolomb() }
                for _ in 0..<min(64, 1 << (4 + size * 2)) { _ = try reader.signedExpGolomb() }
            }
        }
    }

    /// st_ref_pic_set (§7.3.7). Only the number of pictures of the previous set matters for where the next one begins.
    private static func skipShortTermSets(_ reader: inout BitReader) throws(MediaError) {
        var previousCount = 0
        for index in 0..<(try reader.unsignedExpGolomb(limit: 64)) {
            if index > 0, try reader.flag() {
                try reader.skip(1)
                _ = try reader.unsignedExpGolomb(limit: 1 << 15)
                var count = 0
                for _ in 0...previousCount {
                    let isUsed = try reader.flag()
                    let isKept = isUsed ? true : try reader.flag()
                    if isKept { count += 1 }
                }
                previousCount = count
            } else {
                let negative = try reader.unsignedExpGolomb(limit: 16)
                let positive = try reader.unsignedExpGolomb(limit: 16)
                for _ in 0..<(negative + positive) {
                    _ = try reader.unsignedExpGolomb(limit: 1 << 15)
                    try reader.skip(1)
                }
                previousCount = Int(negative + positive)
            }
        }
    }

    private static func skipToTiming(_ reader: inout BitReader) throws(MediaError) {
        if try reader.flag(), try reader.bits(8) == 255 { try reader.skip(32) }
        if try reader.flag() { try reader.skip(1) }
        if try reader.flag() {
            try reader.skip(4)
            if try reader.flag() { try reader.skip(24) }
        }
        if try reader.flag() {
            _ = try reader.unsignedExpGolomb()
            _ = try reader.unsignedExpGolomb()
        }
        try reader.skip(3)
        if try reader.flag() {
            for _ in 0..<4 { _ = try reader.unsignedExpGolomb() }
        }
    }
}
