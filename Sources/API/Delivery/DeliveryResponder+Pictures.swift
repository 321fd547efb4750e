import Broadcasts
import Gateways
import HTTP
public import NIOCore
public import Outputs

/// Still pictures, `/{app}/previews/{name}`: of live streams by their id, of files by the VoD's.
extension DeliveryResponder {
    /// Where pictures come from.
    public struct Pictures: Sendable {
        let live: LivePictures
        let liveFiles: MediaFiles
        let vodFiles: MediaFiles
        /// Makes those of a VoD and returns when they are there; false: there are none.
        let make: @Sendable (_ vodID: String, VodPictures.Kind) async -> Bool
        /// How long who asks for pictures of a file waits for them; they are made anyway.
        let patience: TimeAmount

        /// The directories are absolute: that of `live`, and that of the pictures that `make` makes.
        public init(
            live: LivePictures, liveDirectory: String, vodDirectory: String, patience: TimeAmount = .seconds(10),
            make: @escaping @Sendable (String, VodPictures.Kind) async -> Bool
        ) {
            self.live = live
            self.liveFiles = MediaFiles(folder: .init(path: liveDirectory))
            self.vodFiles = MediaFiles(folder: .init(path: vodDirectory))
            self.make = make
            self.patience = patience
        }
    }

    /// The order is: pictures of files, whose ids are the server's own and so cannot be shadowed by whoever publishes; the live stream of that id;
    /// the last pictures of streams that have ended; and then a VoD whose pictures nobody has made yet.
    func picture(_ encoded: Substring, _ request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer {
        switch request.method {
        case .get, .head: break
        case .options: return .now(DeliveryHeaders.preflight)
        case .other: return .now(DeliveryHeaders.methodNotAllowed)
        }
        guard let pictures = self.pictures, let name = MediaPath.decode(encoded), !name.utf8.contains(UInt8(ascii: "/")),
            let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex
        else { return .now(DeliveryHeaders.notFound) }
        let (id, ending) = (String(name[..<dot]), name[name.utf8.index(after: dot)...])
        let isPicture = LivePictures.endings.contains(String(ending))
        guard isPicture || ending == "vtt" else { return .now(DeliveryHeaders.notFound) }
        let now = NIODeadline.now()
        if Self.mayBeOfVod(id), pictures.vodFiles.find(name, now: now) != nil {
            return .now(self.file(name, in: pictures.vodFiles, request, now: now))
        }
        if isPicture, StreamID.isValid(id), let reply = pictures.live.picture(of: id, ending: String(ending), on: eventLoop) {
            return .later(reply.map { Self.response($0, name, request) })
        }
        if isPicture, StreamID.isValid(id), pictures.liveFiles.find(name, now: now) != nil {
            return .now(self.file(name, in: pictures.liveFiles, request, now: now))
        }
        guard let kind = VodPictures.Kind.allCases.first(where: { VodPictures.name($0, of: id) == name }), VodPictures.isID(id) else {
            return .now(DeliveryHeaders.notFound)
        }
        return .later(self.made(kind, of: id, name, pictures, request, on: eventLoop))
    }

    /// A sheet of thumbnails is called as its VoD, a dash and a number.
    private static func mayBeOfVod(_ name: String) -> Bool {
        VodPictures.isID(name.prefix { $0 != "-" })
    }

    private func made(
        _ kind: VodPictures.Kind, of id: String, _ name: String, _ pictures: Pictures, _ request: ReadyRequest, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ReadyResponse> {
        let promise = eventLoop.makePromise(of: Bool?.self)
        let timeout = eventLoop.scheduleTask(in: pictures.patience) { promise.succeed(nil) }
        // Ends with the maker's work, which has a limit of its own.
        Task {
            let isThere = await pictures.make(id, kind)
            timeout.cancel()
            promise.succeed(isThere)
        }
        return promise.futureResult.map { isThere in
            guard let isThere else { return DeliveryHeaders.notYet }
            return isThere ? self.file(name, in: pictures.vodFiles, request, now: .now()) : DeliveryHeaders.notFound
        }
    }

    private static func response(_ reply: LivePictures.Reply, _ name: String, _ request: ReadyRequest) -> ReadyResponse {
        switch reply {
        case .none: return DeliveryHeaders.notFound
        case .unavailable: return DeliveryHeaders.notYet
        case .picture(let bytes, let tag):
            let headers =
                [
                    ("Content-Type", MediaType.ofFile(name) ?? "application/octet-stream"), ("ETag", tag), ("Cache-Control", "max-age=1"),
                    ("X-Content-Type-Options", "nosniff"),
                ] + DeliveryHeaders.cors
            if self.isUnchanged(tag, modified: nil, request) { return ReadyResponse(status: 304, headers: headers) }
            return ReadyResponse(status: 200, headers: headers, body: .buffer(bytes))
        }
    }
}
