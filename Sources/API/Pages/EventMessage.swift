import Broadcasts
import NIOCore
import Store
import Streams

/// The messages of the event feed, as they stand on the wire. JSON has no line ends in it, so each is one `data` line.
enum EventMessage {
    /// The first thing a listener gets: how soon to come back after a break, in milliseconds.
    static let welcome = ByteBuffer(string: "retry: 2000\n\n")

    static func change(streamID: String?, action: String) -> ByteBuffer {
        self.make("change") { writer in
            writer.member("streamId", streamID)
            writer.member("action", action)
        }
    }

    static func live(_ views: [BroadcastView], totals: ViewerStatistics, now: Int64) -> ByteBuffer {
        self.make("live") { writer in
            writer.member("now", now)
            writer.member("activeLiveStreamCount", totals.activeLiveStreams)
            writer.member("totalHLSWatchersCount", totals.hls)
            writer.member("totalWebRTCWatchersCount", totals.webRTC)
            writer.member("totalDASHWatchersCount", totals.dash)
            writer.member("broadcasts", views.map { LiveNumbers(view: $0) })
        }
    }

    private static func make(_ name: StaticString, _ members: (inout JSONWriter) -> Void) -> ByteBuffer {
        var writer = JSONWriter()
        writer.object(members)
        var message = ByteBuffer()
        message.writeStaticString("event: ")
        message.writeStaticString(name)
        message.writeStaticString("\ndata: ")
        message.writeImmutableBuffer(writer.buffer)
        message.writeStaticString("\n\n")
        return message
    }
}

/// Of the Broadcast (contract 2.1), the members that change from one moment to the next.
private struct LiveNumbers: JSONWritable {
    var view: BroadcastView

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("streamId", self.view.record.id)
            writer.member("status", self.view.status.rawValue)
            writer.member("bitrate", self.view.live.map { Int64($0.bitrate) } ?? 0)
            writer.member("speed", ((self.view.live?.speed ?? 0) * 1000).rounded() / 1000)
            writer.member("duration", self.view.live.map { max(0, self.view.now - $0.startedAtMilliseconds) } ?? 0)
            writer.member("hlsViewerCount", self.view.hlsViewers)
            writer.member("dashViewerCount", self.view.dashViewers)
            writer.member("rtmpViewerCount", self.view.live?.rtmpViewerCount ?? 0)
        }
    }
}
