import Logging
import Store
public import Streams

/// What can be said of a request without waiting for anything. The store is asked for one row at most, which is in memory as a rule.
extension BroadcastLifecycle {
    public func preview(_ request: PublishRequest) -> Result<StreamPreview, PublishRefusal> {
        if let refusal = self.refusal(of: request) { return .failure(refusal) }
        switch self.find(request.id) {
        case .unreadable:
            // A passphrase that cannot be read cannot be asked for: nobody comes in without it.
            return .failure(self.configuration.acceptOnlyRegistered ? .notRegistered : .tooManyStreams)
        case .unknown:
            if self.configuration.acceptOnlyRegistered { return .failure(.notRegistered) }
            return self.preview(nil, request)
        case .found(let record):
            if let refusal = Self.refusal(of: record, now: self.environment.clock.wall()) { return .failure(refusal) }
            return self.preview(record, request)
        }
    }

    private func preview(_ record: BroadcastRecord?, _ request: PublishRequest) -> Result<StreamPreview, PublishRefusal> {
        let isFree = self.environment.streams.isFree(
            StreamKey(request.id), for: request[parameter: "token"], now: self.environment.clock.now())
        return isFree ? .success(StreamPreview(passphrase: record?.source.srtPassphrase)) : .failure(.alreadyPublishing)
    }

    public func preview(_ request: PlayRequest) -> Result<StreamPreview, PlayRefusal> {
        if let refusal = self.refusal(of: request) { return .failure(refusal) }
        switch self.find(request.id) {
        // Not to be shown to whoever lacks a passphrase that cannot be read now.
        case .unreadable: return .failure(.notFound)
        case .found(let record): return .success(StreamPreview(passphrase: record.source.srtPassphrase))
        case .unknown:
            let isLive = self.environment.streams.find(StreamKey(request.id))?.generation != nil
            return isLive ? .success(StreamPreview()) : .failure(.notFound)
        }
    }

    /// What needs no row.
    func refusal(of request: PublishRequest) -> PublishRefusal? {
        if self.isShuttingDown { return .shuttingDown }
        guard self.configuration.isOurs(app: request.app) else { return .unknownApp }
        guard StreamID.isValid(request.id) else { return .invalidID }
        return self.mailbox.isFull ? .tooManyStreams : nil
    }

    func refusal(of request: PlayRequest) -> PlayRefusal? {
        let isOffered =
            switch request.type {
            case .rtmp: self.configuration.rtmpPlay
            case .srt: self.configuration.srtPlay
            }
        guard isOffered else { return .playDisabled }
        guard self.configuration.isOurs(app: request.app) else { return .unknownApp }
        return StreamID.isValid(request.id) ? nil : .invalidID
    }

    private enum Finding {
        case found(BroadcastRecord)
        case unknown
        case unreadable
    }

    private func find(_ id: String) -> Finding {
        do throws(StoreError) {
            return try self.environment.database.broadcasts.find(id).map { .found($0) } ?? .unknown
        } catch {
            self.environment.logger.error("broadcast not read", metadata: ["stream": "\(id)", "error": "\(error)"])
            return .unreadable
        }
    }
}
