public import AV
import Media

/// The pictures of a file on demand: a poster, and thumbnails for a player's time line, as files of one folder. Blocks.
public enum VodPictures {
    public enum Kind: String, Sendable, CaseIterable {
        /// `{id}.png`.
        case poster
        /// `{id}.vtt`, and the sheets that it names: `{id}-0.jpg`, …
        case thumbnails
    }

    /// What became of a wish for them.
    public enum Outcome: Sendable, Equatable {
        /// They are there.
        case made
        /// There is no such file, or no picture in it.
        case none
        /// Too much is being made, or something is in the way at the moment: worth another try.
        case unavailable
    }

    /// Into the file, for a poster: its very beginning is black more often than not.
    private static let posterTime = MediaTime(milliseconds: 10_000)

    /// Ids are part of file names: letters and digits, 8 to 64 of them.
    public static func isID(_ id: some StringProtocol) -> Bool {
        (8...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
    }

    /// The file that is complete when all of that kind are.
    public static func name(_ kind: Kind, of id: String) -> String {
        switch kind {
        case .poster: "\(id).png"
        case .thumbnails: "\(id).vtt"
        }
    }

    private static func sheet(_ number: Int, of id: String) -> String { "\(id)-\(number).jpg" }

    /// Makes the pictures of the file at `path`, whose keyframes alone are decoded. Those that are there are replaced.
    /// - Parameter posterHeight: pixels, at most.
    /// - Throws: `unsupported` when there is no picture in the file.
    public static func make(
        _ kind: Kind, of path: String, as id: String, in directory: String, posterHeight: Int, interrupt: Interrupt = Interrupt()
    ) throws(AVFailure) {
        guard Self.isID(id) else { throw AVFailure(cause: .unsupported, operation: "make pictures", text: "not an id") }
        let pictures = try FilePictures(path: path, interrupt: interrupt)
        switch kind {
        case .poster: try Self.makePoster(pictures, id, directory, height: posterHeight)
        case .thumbnails: try Self.makeThumbnails(pictures, id, directory, interrupt)
        }
    }

    private static func makePoster(_ pictures: FilePictures, _ id: String, _ directory: String, height: Int) throws(AVFailure) {
        let tenth = pictures.duration.map { MediaTime(milliseconds: $0.milliseconds / 10) } ?? .zero
        guard try pictures.seek(to: min(tenth, Self.posterTime)) else { throw Self.noPicture }
        let size = pictures.size(heightLimit: height)
        let canvas = try PictureCanvas(size, as: .png)
        try pictures.draw(on: canvas, size: size)
        try PictureFile.write(try canvas.encoded(), to: Self.name(.poster, of: id), in: directory)
    }

    private static func makeThumbnails(
        _ pictures: FilePictures, _ id: String, _ directory: String, _ interrupt: Interrupt
    ) throws(AVFailure) {
        guard try pictures.seek(to: .zero) else { throw Self.noPicture }
        let width = pictures.size(heightLimit: ThumbnailPlan.usualHeight).width
        let tile = pictures.size(heightLimit: ThumbnailPlan.heightLimit(widthAtUsualHeight: width))
        let plan = ThumbnailPlan(duration: pictures.duration ?? .zero, tile: tile)
        for sheet in 0..<plan.sheets {
            let canvas = try PictureCanvas(plan.size(ofSheet: sheet), as: .jpg)
            for number in 0..<plan.count(onSheet: sheet) {
                if let cause = interrupt.cause { throw AVFailure(cause: cause, operation: "make thumbnails", text: "not finished in time") }
                let index = sheet * ThumbnailPlan.columns * ThumbnailPlan.rows + number
                let place = plan.place(of: index)
                do throws(AVFailure) {
                    // At the end of a damaged file there may be nothing: then what was found last stands for it.
                    _ = try pictures.seek(to: plan.time(of: index))
                } catch {
                    guard error.cause == .invalidData || error.cause == .library else { throw error }
                }
                try pictures.draw(on: canvas, x: place.x, y: place.y, size: tile)
            }
            try PictureFile.write(try canvas.encoded(), to: Self.sheet(sheet, of: id), in: directory)
        }
        // Last, for it says that all is there.
        let text = plan.webVTT { Self.sheet($0, of: id) }
        try PictureFile.write(Array(text.utf8), to: Self.name(.thumbnails, of: id), in: directory)
    }

    private static let noPicture = AVFailure(cause: .unsupported, operation: "make pictures", text: "no picture in the file")

    /// Removes what a process that died was writing.
    public static func sweep(_ directory: String) {
        PictureFile.removeTemporaries(in: directory) { name in Self.isID(name.prefix { $0 != "-" && $0 != "." }) }
    }

    /// All there may be, whether they are there or not.
    public static func remove(_ id: String, in directory: String) {
        guard Self.isID(id) else { return }
        // What leads to the others goes first.
        let sheets = (0..<ThumbnailPlan.mostSheets).map { Self.sheet($0, of: id) }
        for name in Kind.allCases.map({ Self.name($0, of: id) }) + sheets { PictureFile.remove(name, in: directory) }
    }
}
