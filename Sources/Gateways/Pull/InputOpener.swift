import AV
import Egress
import Media

/// Opens sources and library files with libavformat: asks the address policy first, then opens what was checked.
struct InputOpener: PullInputOpener {
    /// Of one host, tried one after the other when nobody answers.
    private static let mostAddresses = 4

    let configuration: Puller.Configuration
    let policy: AddressPolicy

    func guarded(_ work: () -> Void) {
        ConnectGuard.run(self.policy, work)
    }

    func redacted(_ item: PullItem) -> String {
        if LibraryFile.path(of: item.url) != nil { return item.url }
        do throws(AddressRefusal) {
            return try SourceAddress(item.url).redacted
        } catch {
            // What cannot be taken apart cannot be cleaned either.
            return "(\(error))"
        }
    }

    /// Nobody is contacted, no name looked up.
    func refusal(of item: PullItem) -> PullFailure? {
        if let path = LibraryFile.path(of: item.url) { return LibraryFile.refusal(of: path) }
        return self.policy.refusal(ofURL: item.url, for: .source).map { PullFailure($0) }
    }

    func open(_ item: PullItem, normalises: Bool, interrupt: Interrupt) throws(PullFailure) -> any PullInput {
        var options = FrameReader.Options(transcodesAudio: self.configuration.transcodesAudio, keepsOriginals: true)
        if normalises { options.normalTo = self.configuration.normalFormat }
        let demuxer: Demuxer
        if let path = LibraryFile.path(of: item.url) {
            demuxer = try self.open([try self.request(forFile: path)], interrupt: interrupt)
        } else {
            let source = try self.source(of: item)
            options.video = source.wantsVideo
            options.audio = source.wantsAudio
            demuxer = try self.open(try self.requests(for: source, within: self.configuration.openTimeout), interrupt: interrupt)
        }
        do throws(AVFailure) {
            let input = OpenedInput(demuxer: demuxer, reader: try FrameReader(demuxer, options: options))
            if item.start > .zero, input.isSeekable, input.duration.map({ item.start < $0 }) ?? true { try input.reader.seek(to: item.start) }
            return input
        } catch {
            throw PullFailure(error)
        }
    }

    /// For a look at what an item is, without playing it.
    func probe(_ item: PullItem, within: Duration, interrupt: Interrupt) throws(PullFailure) -> MediaProbe {
        let requests: [InputRequest]
        if let path = LibraryFile.path(of: item.url) {
            requests = [try self.request(forFile: path)]
        } else {
            requests = try self.requests(for: try self.source(of: item), within: within)
        }
        return try self.first(of: requests) { request throws(AVFailure) in try MediaProbe.run(request, interrupt: interrupt) }
    }

    private func open(_ requests: [InputRequest], interrupt: Interrupt) throws(PullFailure) -> Demuxer {
        try self.first(of: requests) { request throws(AVFailure) in try Demuxer(request, interrupt: interrupt) }
    }

    /// The first that works. Only when nobody answers at an address is the next one of the same host asked.
    private func first<Value>(of requests: [InputRequest], _ body: (InputRequest) throws(AVFailure) -> Value) throws(PullFailure) -> Value {
        var failure = PullFailure(cause: .nameNotFound, text: "the host has no address")
        for request in requests {
            ConnectGuard.forgetRefused()
            do throws(AVFailure) {
                return try body(request)
            } catch {
                failure = PullFailure(error)
                if let address = ConnectGuard.lastRefused {
                    throw PullFailure(AddressRefusal.addressNotAllowed(address))
                }
                guard failure.cause == .refused else { throw failure }
            }
        }
        throw failure
    }

    private func source(of item: PullItem) throws(PullFailure) -> SourceRequest {
        do throws(AddressRefusal) {
            return SourceRequest(
                try SourceAddress(item.url).with(username: item.username, password: item.password), configuration: self.configuration)
        } catch {
            throw PullFailure(error)
        }
    }

    private func requests(for source: SourceRequest, within: Duration) throws(PullFailure) -> [InputRequest] {
        do throws(AddressRefusal) {
            let addresses = try self.policy.resolve(source.source)
            guard source.pinsAddress, !addresses.isEmpty else { return [source.request(pinnedTo: nil, openTimeout: within)] }
            return addresses.prefix(Self.mostAddresses).map { source.request(pinnedTo: $0, openTimeout: within) }
        } catch {
            throw PullFailure(error)
        }
    }

    private func request(forFile path: String) throws(PullFailure) -> InputRequest {
        let folder = LibraryFolder(path: self.configuration.libraryDirectory, importDirectories: self.configuration.importDirectories)
        let file = try LibraryFile.resolve(path, in: folder)
        return InputRequest(
            url: "file:" + file, protocols: ["file"], analyzeDuration: self.configuration.analyzeDuration,
            openTimeout: self.configuration.openTimeout, readTimeout: self.configuration.readTimeout)
    }
}

/// libavformat's input behind the seam.
private final class OpenedInput: PullInput {
    private let demuxer: Demuxer
    let reader: FrameReader
    let duration: MediaTime?
    let startTime: MediaTime?
    let isSeekable: Bool
    let isLive: Bool

    init(demuxer: Demuxer, reader: FrameReader) {
        self.demuxer = demuxer
        self.reader = reader
        self.isLive = demuxer.isLive
        self.duration = demuxer.isLive ? nil : reader.duration
        self.startTime = reader.startTime
        self.isSeekable = demuxer.isSeekable
    }

    func next() throws(PullFailure) -> FrameReader.Item? {
        do throws(AVFailure) {
            return try self.reader.next()
        } catch {
            // A nested playlist or a redirect has led there.
            if let address = ConnectGuard.lastRefused {
                ConnectGuard.forgetRefused()
                throw PullFailure(AddressRefusal.addressNotAllowed(address))
            }
            throw PullFailure(error)
        }
    }

    func seek(to time: MediaTime) throws(PullFailure) {
        do throws(AVFailure) {
            try self.reader.seek(to: time)
        } catch {
            throw PullFailure(error)
        }
    }
}
