import Logging
import NIOPosix
import Outputs
import Streams
import Testing

@testable import Server

@Suite struct OutputMeterTests {
    private func destination(_ id: String) -> Destination {
        Destination(
            configuration: DestinationConfiguration(id: id, url: "rtmp://127.0.0.1/live/key"), stream: StreamDirectory().open(StreamKey("show")),
            network: DestinationNetwork(), group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), onChange: { _ in })
    }

    /// As while it is disabled and enabled again: two values with the same labels make the whole page unreadable.
    @Test func anEndpointWhoseLastSessionIsStillClosingIsShownOnce() {
        let meter = OutputMeter()
        let destinations = ["one", "one", "two"].map(self.destination)
        for destination in destinations { meter.add(destination, of: "show", as: meter.newDestination()) }
        meter.add(destinations[0], of: "other", as: meter.newDestination())
        var status = DestinationStatus(id: "one")
        status.bytesSent = 7
        meter.changed(status, of: 1)
        let totals = meter.totals
        #expect(totals.running.map { "\($0.stream) \($0.status.id)" }.sorted() == ["other one", "show one", "show two"])
        #expect(totals.destinations == [.idle: 4], "all of them run")
    }
}
