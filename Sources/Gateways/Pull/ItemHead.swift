import AV
import Media
import NIOCore

/// The first frames of an item, read ahead so that it is known when it begins: on each track, and at a keyframe.
struct ItemHead {
    /// Enough of any sane file to see both its tracks.
    private static let longest = MediaTime(milliseconds: 4_000)
    private static let mostBytes = 16 << 20
    private static let mostFrames = 2_000
    /// Sound that begins this much before the first picture has nothing to be seen with.
    private static let soundLead = MediaTime(milliseconds: 200)

    private(set) var tracks: [Track] = []
    /// In the order they are to be sent: frames, and changes of the tracks between them.
    private(set) var items: [FrameReader.Item] = []
    /// The input ended within its head.
    private(set) var isWhole = false

    private var bytes = 0
    private var first: [TrackID: MediaTime] = [:]
    private var oldest: MediaTime?
    private var newest: MediaTime?

    /// When the item begins: with its first picture, or its first sound when it has none; nil when there are no frames.
    var firstPresentation: MediaTime? {
        let picture = self.tracks.first { $0.kind == .video }.flatMap { self.first[$0.id] }
        return picture ?? self.first[.audio]
    }

    /// Reads until every track has shown a frame. `tolerance` passes over what is broken.
    /// - Parameter tracks: that are known already; an input that was seeked in does not say them again.
    static func read(from input: any PullInput, tracks: [Track] = [], tolerance: inout ReadTolerance) throws(PullFailure) -> ItemHead {
        var head = ItemHead()
        head.tracks = tracks
        while !head.isComplete {
            let item: FrameReader.Item?
            do throws(PullFailure) {
                item = try input.next()
            } catch {
                guard tolerance.passes(over: error) else { throw error }
                continue
            }
            guard let item else {
                head.isWhole = true
                break
            }
            head.add(item)
        }
        head.dropSoundBeforePictures()
        head.movePictureForward()
        guard head.firstPresentation != nil else {
            throw PullFailure(cause: .nothingToPlay, text: "there is neither a picture nor a sound in it")
        }
        return head
    }

    private mutating func add(_ item: FrameReader.Item) {
        switch item {
        case .tracks(let tracks):
            if self.items.isEmpty { self.tracks = tracks } else { self.items.append(item) }
        case .frame(let frame):
            self.oldest = min(self.oldest ?? frame.decodeTime, frame.decodeTime)
            self.newest = max(self.newest ?? frame.decodeTime, frame.decodeTime)
            self.bytes += frame.payload.readableBytes
            // A picture that refers to none before it comes first.
            guard self.first[frame.track] != nil || frame.isKeyframe else { return }
            self.first[frame.track] = min(self.first[frame.track] ?? frame.presentationTime, frame.presentationTime)
            self.items.append(item)
        }
    }

    private var isComplete: Bool {
        if !self.tracks.isEmpty, self.tracks.allSatisfy({ self.first[$0.id] != nil }) { return true }
        guard let oldest = self.oldest, let newest = self.newest else { return false }
        return newest - oldest > Self.longest || self.bytes > Self.mostBytes || self.items.count > Self.mostFrames
    }

    /// After a seek, or in a live source that was joined between keyframes, sound comes long before pictures.
    private mutating func dropSoundBeforePictures() {
        guard let video = self.tracks.first(where: { $0.kind == .video }), let picture = self.first[video.id] else { return }
        let tooEarly = picture - Self.soundLead
        guard self.first.values.contains(where: { $0 < tooEarly }) else { return }
        self.first = [:]
        self.items.removeAll { item in
            guard case .frame(let frame) = item else { return false }
            if frame.kind == .audio, frame.presentationTime < picture { return true }
            self.first[frame.track] = min(self.first[frame.track] ?? frame.presentationTime, frame.presentationTime)
            return false
        }
    }

    /// An encoder that looks ahead gives its first picture behind much of the sound that goes with it, and whoever joins a stream begins with the
    /// picture.
    private mutating func movePictureForward() {
        for index in self.items.indices {
            guard case .frame(let picture) = self.items[index], picture.kind == .video else { continue }
            let before = self.items[..<index].lastIndex { item in
                guard case .frame(let frame) = item else { return true }
                return frame.decodeTime < picture.decodeTime
            }
            self.items.insert(self.items.remove(at: index), at: before.map { $0 + 1 } ?? 0)
            return
        }
    }
}

/// Which read errors of an input are passed over: within a file, what cannot be read is left out and the rest is played.
struct ReadTolerance {
    /// In a row, and without a frame between them.
    private static let most = 50

    private let isFile: Bool
    private var errors = 0

    init(isFile: Bool) {
        self.isFile = isFile
    }

    mutating func succeeded() { self.errors = 0 }

    /// False: the input is at its end.
    mutating func passes(over failure: PullFailure) -> Bool {
        guard self.isFile, failure.cause == .invalidData || failure.cause == .other else { return false }
        self.errors += 1
        return self.errors <= Self.most
    }
}
