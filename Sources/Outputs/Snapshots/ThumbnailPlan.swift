import AV
import Media

/// Where the thumbnails of a file lie: how many there are, at which times, and on which sheet. A value out of the file's length and shape.
struct ThumbnailPlan: Equatable {
    static let columns = 10
    static let rows = 10
    static let mostSheets = 2
    static var most: Int { Self.columns * Self.rows * Self.mostSheets }
    /// Between two thumbnails, at least.
    private static let shortestInterval: Int64 = 2_000
    /// Pixels.
    private static let height = 90
    private static let widest = 320

    /// Milliseconds.
    let length: Int64
    /// Milliseconds between two thumbnails.
    let interval: Int64
    let count: Int
    let tile: PictureSize

    init(duration: MediaTime, tile: PictureSize) {
        self.length = max(duration.milliseconds, 1)
        self.interval = max(Self.shortestInterval, (self.length + Int64(Self.most) - 1) / Int64(Self.most))
        self.count = min(max(Int((self.length + self.interval - 1) / self.interval), 1), Self.most)
        self.tile = tile
    }

    /// How high thumbnails are when a picture 90 pixels high is so many wide.
    static func heightLimit(widthAtUsualHeight width: Int) -> Int {
        width <= Self.widest ? Self.height : max(2, Self.height * Self.widest / width)
    }

    static var usualHeight: Int { Self.height }

    var sheets: Int { (self.count + Self.columns * Self.rows - 1) / (Self.columns * Self.rows) }

    func count(onSheet sheet: Int) -> Int { min(Self.columns * Self.rows, self.count - sheet * Self.columns * Self.rows) }

    /// No larger than it must be.
    func size(ofSheet sheet: Int) -> PictureSize {
        let count = self.count(onSheet: sheet)
        return PictureSize(
            width: min(count, Self.columns) * self.tile.width, height: (count + Self.columns - 1) / Self.columns * self.tile.height)
    }

    func time(of index: Int) -> MediaTime { MediaTime(milliseconds: Int64(index) * self.interval) }

    /// The sheet, and where on it.
    func place(of index: Int) -> (sheet: Int, x: Int, y: Int) {
        let onSheet = index % (Self.columns * Self.rows)
        return (
            index / (Self.columns * Self.rows), onSheet % Self.columns * self.tile.width, onSheet / Self.columns * self.tile.height
        )
    }

    /// A WebVTT file whose cues name a part of a sheet each, with a media fragment (W3C Media Fragments §4.2.2), as players show above their time
    /// line.
    func webVTT(sheetName: (Int) -> String) -> String {
        var text = "WEBVTT\n"
        for index in 0..<self.count {
            let place = self.place(of: index)
            let start = Int64(index) * self.interval
            let end = index == self.count - 1 ? max(self.length, start + 1) : start + self.interval
            text += "\n\(Self.clock(start)) --> \(Self.clock(end))\n"
            text += "\(sheetName(place.sheet))#xywh=\(place.x),\(place.y),\(self.tile.width),\(self.tile.height)\n"
        }
        return text
    }

    private static func clock(_ milliseconds: Int64) -> String {
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let seconds = milliseconds / 1000
        return "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2)).\(padded(milliseconds % 1000, 3))"
    }
}
