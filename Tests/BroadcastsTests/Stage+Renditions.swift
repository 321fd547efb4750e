import Streams

@testable import Outputs

extension Stage {
    /// Makes their streams live and lists them, as a ladder does.
    func make(_ renditions: [Rendition], of id: String) throws -> [Publisher] {
        let publishers = try renditions.map { rendition in
            let source = PublishSource(
                type: .rtmp, remoteAddress: "", credential: "ladder", keepsTimes: true, startedAtMilliseconds: 0, stop: { _ in })
            let publisher = try self.streams.publish(rendition.key(of: id), source: source, now: self.time.now).get()
            self.feed(publisher, height: rendition.height)
            return publisher
        }
        self.outputs.board.set(renditions, of: id, by: self)
        return publishers
    }
}
