import Media

/// One plane of a picture in memory.
struct PicturePlane {
    var start: UnsafeMutablePointer<UInt8>
    var stride: Int
    var bytesPerPixel: Int
    /// 2: half as many pixels each way.
    var subsampling: Int

    /// Fills a part of the plane, `width`×`height` of its pixels from (`x`, `y`) on, with all of `source`, turned.
    func fill(x: Int = 0, y: Int = 0, width: Int, height: Int, from source: PicturePlane, turn: PictureTurn) {
        let (right, down) = (self.bytesPerPixel, source.stride)
        // Where the upper left pixel comes from, and how far it is to the sources of the one below it and of the one to its right.
        let (first, nextRow, nextColumn) =
            switch turn {
            case .none: (0, down, right)
            case .quarter: ((width - 1) * down, right, -down)
            case .half: ((height - 1) * down + (width - 1) * right, -down, -right)
            case .threeQuarters: ((height - 1) * right, -right, down)
            }
        for row in 0..<height {
            var pixel = source.start + first + row * nextRow
            var place = self.start + (y + row) * self.stride + x * right
            for _ in 0..<width {
                for byte in 0..<right { place[byte] = pixel[byte] }
                place += right
                pixel += nextColumn
            }
        }
    }
}
