import AV
import Media
import NIOCore
import Streams

/// One rendition while it is made. Confined to its ladder's thread.
final class RunningRendition {
    let rendition: Rendition
    let publisher: Publisher
    private let encoder: PictureEncoder
    private var hold = SoundHold()
    /// Reused, so that a picture allocates nothing here.
    private var frames: [EncodedFrame] = []

    init(_ rendition: Rendition, encoder: PictureEncoder, publisher: Publisher) {
        self.rendition = rendition
        self.encoder = encoder
        self.publisher = publisher
    }

    /// Says which tracks there are; `sound` is nil when there is none, or none that is known yet.
    func announce(sound: Track?) {
        self.publisher.expect(video: true, audio: sound != nil)
        self.publisher.announce([self.encoder.track] + (sound.map { [$0] } ?? []))
    }

    func encode(_ picture: borrowing DecodedFrame, turn: PictureTurn, at time: MediaTime, isKeyframe: Bool) throws(AVFailure) {
        try self.encoder.encode(picture, turn: turn, at: time, isKeyframe: isKeyframe, into: &self.frames)
        self.publishPictures()
    }

    func take(sound: EncodedFrame) {
        self.hold.add(sound)
        let now = NIODeadline.now()
        while let frame = self.hold.nextOverdue() { self.publisher.publish(frame, now: now) }
    }

    /// What the encoder holds back, and the sound of its time; nothing may follow.
    func finish() throws(AVFailure) {
        try self.encoder.finish(into: &self.frames)
        self.publishPictures()
        let now = NIODeadline.now()
        while let frame = self.hold.nextOfAll() { self.publisher.publish(frame, now: now) }
    }

    private func publishPictures() {
        guard !self.frames.isEmpty else { return }
        let now = NIODeadline.now()
        for frame in self.frames {
            while let sound = self.hold.next(before: frame.decodeTime) { self.publisher.publish(sound, now: now) }
            self.publisher.publish(frame, now: now)
        }
        self.frames.removeAll(keepingCapacity: true)
    }
}
