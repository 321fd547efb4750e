import AV
import Broadcasts
import Gateways
import Media
import NIOCore
import Outputs
import Streams

/// Real recorders, destinations and pulls for the broadcast logic.
extension MartletServer {
    func outputs(
        hls: LiveHLS, ladders: Ladder.Environment, webM: WebMEncoding, pictures: LivePictures, slate: SlateStudio?, group: any EventLoopGroup,
        meter: OutputMeter
    ) -> OutputFactory {
        let configuration = Recorder.Configuration(minimumFreeBytes: Int64(self.settings.recording.minimumFreeSpace), webM: webM)
        let network = self.destinationNetwork
        let logger = self.logger
        return OutputFactory(
            makeRecorder: { stream, request, callbacks in
                MeteredRecorder(
                    Recorder(
                        stream: stream, request: request, logger: logger, configuration: configuration, onFileStarted: callbacks.onFileStarted,
                        onProgress: callbacks.onProgress,
                        onEnd: { outcome in
                            meter.fileEnded(outcome)
                            callbacks.onEnd(outcome)
                        },
                        onClosed: {
                            meter.recordingClosed()
                            callbacks.onClosed()
                        }), meter: meter)
            },
            makeDestination: { configuration, stream, onChange in
                let number = meter.newDestination()
                let destination = Destination(configuration: configuration, stream: stream, network: network, group: group, logger: logger) {
                    status in
                    meter.changed(status, of: number)
                    onChange(status)
                }
                meter.add(destination, of: stream.key.id, as: number)
                return destination
            },
            isValidDestination: { Destination.validate(url: $0) == nil },
            recover: { path, request, startedAt, onProgress in
                await RecordingRecovery.recover(
                    temporaryPath: path, request: request, startedAtMilliseconds: startedAt, onProgress: onProgress)
            },
            hls: hls,
            makeLadder: { stream, settings, callbacks in
                Ladder(stream: stream, settings: settings, environment: ladders, onEvent: callbacks.onEvent, onClosed: callbacks.onClosed)
            },
            renditions: ladders.board, pictures: pictures, slate: slate)
    }

    /// Nil where no slate is set.
    func slate() -> SlateStudio? {
        let path = self.settings.endpoints.slate
        return path.isEmpty ? nil : SlateStudio(path: path, logger: self.logger)
    }

    private var destinationNetwork: DestinationNetwork {
        let trustRoots = self.settings.endpoints.trustedCertificates
        return DestinationNetwork(trustRoots: trustRoots.isEmpty ? nil : trustRoots)
    }

    /// A file of no use would show only when the first RTMPS destination is connected, and at each try again.
    func checkDestinationTrust() throws {
        do throws(DestinationNetwork.UnusableTrustRoots) {
            try self.destinationNetwork.checkTrustRoots()
        } catch {
            throw DestinationNetwork.UnusableTrustRoots(description: "endpoints.trustedCertificates: \(error)")
        }
    }

    func ladders(_ streams: StreamDirectory) -> Ladder.Environment {
        let renditions = self.settings.renditions
        return Ladder.Environment(
            configuration: .init(preset: renditions.preset.rawValue, threads: renditions.threads), streams: streams, board: RenditionBoard(),
            slots: EncoderSlots(limit: renditions.maximum), logger: self.logger, wallClock: BroadcastClock.system.wall)
    }
}

extension MartletServer {
    func webMEncoding() -> WebMEncoding {
        let webM = self.settings.webm
        return WebMEncoding(
            codec: webM.codec == .vp9 ? .vp9 : .vp8, bitrate: webM.bitrate, quality: webM.quality > 0 ? webM.quality : nil,
            audioBitrate: webM.audioBitrate, speed: webM.speed, threads: webM.threads, slots: EncoderSlots(limit: webM.maximum))
    }
}

extension SourceFactory {
    init(_ puller: Puller) {
        self.init(
            start: { plan, onEvent in puller.start(plan, onEvent: onEvent) },
            probe: { item, limit in await puller.probe(item, within: limit).map { SourceProbe(duration: $0.duration) } },
            refusal: { puller.refusal(of: $0) })
    }
}

/// A recorder that is counted from its start on; its callbacks count its end.
private struct MeteredRecorder: RecordingSession {
    private let recorder: Recorder
    private let meter: OutputMeter

    init(_ recorder: Recorder, meter: OutputMeter) {
        self.recorder = recorder
        self.meter = meter
    }

    func start() throws(RecordingFailure) -> StartedRecording {
        let started = try self.recorder.start()
        self.meter.recordingStarted()
        return started
    }

    func stop() { self.recorder.stop() }
    var droppedInEncoding: Int { self.recorder.droppedInEncoding }
}
