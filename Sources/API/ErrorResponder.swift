import Broadcasts
import HTTPTypes
import Store

/// Why a request gets no ordinary answer.
enum APIFault: Error, Sendable {
    case unknownPath
    case malformedPath
    case wrongMethod(allowed: [HTTPRequest.Method])
    case notJSON
    case malformedJSON(String)
    case bodyTooLarge
    /// The connection broke while the body came.
    case bodyBroken
    /// The body is no `multipart/form-data`.
    case notAForm
    /// What is wrong with a form.
    case malformedForm(String)
    /// Its body comes more slowly than anybody's should.
    case tooSlow
    case notAllowed
    case broadcast(BroadcastError, APIOperation, id: String)
}

/// What was being done, as far as the contract's words for a failure depend on it.
enum APIOperation: Sendable {
    case read
    case create
    case createAndStart
    case update
    case delete
    case start
    case stop
    case seek
    case nextItem
    case cameraError
    case duration
    case record
    case addEndpoint
    case changeEndpoint
    case removeEndpoint
    case deleteVod
    case uploadVod
    case importDirectory
    case removeDirectory
    case convertHLS
}

/// From what went wrong to status and body: the one place that knows the contract's "HTTP 200 with success false".
enum ErrorResponder {
    static func reply(to fault: APIFault) -> APIReply {
        switch fault {
        case .unknownPath:
            return APIReply(.notFound)
        case .malformedPath:
            return APIReply(.badRequest, ResultDTO(false, message: "The path is not valid."))
        case .wrongMethod(let allowed):
            var reply = APIReply(.methodNotAllowed)
            reply.allowed = allowed
            return reply
        case .notJSON:
            return APIReply(.unsupportedMediaType, ResultDTO(false, message: "The body must be application/json."))
        case .malformedJSON(let words):
            return APIReply(.badRequest, ResultDTO(false, message: words))
        case .bodyTooLarge:
            return APIReply(.contentTooLarge, ResultDTO(false, message: "The body is larger than \(APICall.longestBody) bytes."))
        case .bodyBroken:
            return APIReply(.badRequest, ResultDTO(false, message: "The body could not be read."))
        case .notAForm:
            return APIReply(.unsupportedMediaType, ResultDTO(false, message: "The body must be multipart/form-data with a boundary."))
        case .malformedForm(let words):
            return APIReply(.badRequest, ResultDTO(false, message: words))
        case .tooSlow:
            return APIReply(.requestTimeout, ResultDTO(false, message: "The body comes too slowly."))
        case .notAllowed:
            return APIReply(.init(code: 403, reasonPhrase: "Not allowed IP"), ResultDTO(false, message: "Not allowed IP"))
        case .broadcast(let error, let operation, let id):
            let (status, result) = Self.result(of: error, operation, id: id)
            guard let result else { return APIReply(status) }
            return APIReply(status, result)
        }
    }

    private static let empty = ResultDTO(false)

    private static func refused(_ message: String) -> (HTTPResponse.Status, ResultDTO?) { (.ok, ResultDTO(false, message: message)) }

    private static func result(of error: BroadcastError, _ operation: APIOperation, id: String) -> (HTTPResponse.Status, ResultDTO?) {
        if case .store(let failure) = error {
            let message = failure == .diskFull ? "The disk is full." : "The database failed."
            return (.internalServerError, ResultDTO(false, message: message))
        }
        switch operation {
        case .read: return (.notFound, nil)
        case .create: return (.badRequest, Self.creating(error))
        case .createAndStart: return Self.creatingAndStarting(error)
        case .update: return (.ok, Self.updating(error, id: id))
        case .delete, .deleteVod:
            if case .fileNotRemoved(let reason) = error { return Self.refused("The file could not be deleted: \(reason)") }
            return (.ok, Self.empty)
        case .start: return (.ok, Self.starting(error, id: id))
        case .stop:
            guard error == .nothingPulled else { return (.ok, Self.empty) }
            return (.ok, ResultDTO(false, message: "No matching stream source in this server:\(id)", dataID: id))
        case .seek, .nextItem, .duration: return (.ok, Self.asking(error, id: id))
        case .cameraError:
            return (.ok, Self.unreachable(error) ?? ResultDTO(false, message: "Camera is not found with streamId: \(id)"))
        case .record: return (.ok, Self.recording(error, id: id))
        case .addEndpoint: return (.ok, Self.addingEndpoint(error, id: id))
        case .changeEndpoint:
            return (
                .ok, error == .endpointRefused ? ResultDTO(false, message: "The URL and the height of an endpoint cannot be changed.") : Self.empty
            )
        case .removeEndpoint: return (.ok, Self.empty)
        case .uploadVod: return Self.uploading(error)
        case .convertHLS:
            return Self.refused(error == .hlsNameBlank ? "HLS file name is empty" : "HLS to MP4 conversion has failed")
        case .importDirectory: return (.ok, Self.importing(error))
        case .removeDirectory:
            guard case .notADirectory(let directory) = error else { return (.ok, Self.empty) }
            return Self.refused("\(Self.printable(directory)) does not exist or it's not a directory")
        }
    }

    private static func creating(_ error: BroadcastError) -> ResultDTO {
        switch error {
        case .idTaken: ResultDTO(false, message: "Stream id is already being used. Please change stream id or keep it empty")
        case .idInvalid: ResultDTO(false, message: "Stream id is not valid.")
        case .sourceURLInvalid: ResultDTO(false, message: "Stream url is not valid. ")
        default: Self.invalidMember(error) ?? Self.empty
        }
    }

    /// What is wrong with the id is told as without autoStart; all else has status 200.
    private static func creatingAndStarting(_ error: BroadcastError) -> (HTTPResponse.Status, ResultDTO) {
        switch error {
        case .idTaken, .idInvalid: (.badRequest, Self.creating(error))
        case .nothingGiven: (.ok, ResultDTO(false, message: "unexpected parameters received"))
        case .resourcesExhausted: (.ok, ResultDTO(false, message: "Resource usage is high", errorID: -3))
        case .autoStartTypeInvalid: (.ok, ResultDTO(false, message: "Auto start query needs an IP camera or stream source."))
        case .cameraAddressInvalid(let address): (.ok, ResultDTO(false, message: "IP camera addr is not valid: \(address)"))
        case .fetcherNotStarted: (.ok, ResultDTO(false, errorID: -4))
        default: (.ok, Self.unreachable(error) ?? Self.invalidMember(error) ?? Self.empty)
        }
    }

    /// A member of a Broadcast that cannot be stored.
    private static func invalidMember(_ error: BroadcastError) -> ResultDTO? {
        switch error {
        case .listNotPlayable(let name):
            ResultDTO(false, message: "A list of the library (m3u8) can be watched, but is no source: \(Self.printable(name))")
        case .subFolderInvalid: ResultDTO(false, message: "Subfolder is not valid. ")
        case .textInvalid(let member): ResultDTO(false, message: "The value of \(member) is not valid.")
        case .endpointInvalid(let url): ResultDTO(false, message: "Endpoint url is not valid: \(url)")
        case .endpointTaken(let url): ResultDTO(false, message: "Endpoint is given twice: \(url)")
        case .endpointRefused: ResultDTO(false, message: "The list of endpoints is not valid.")
        default: nil
        }
    }

    /// A camera or source that did not answer as it should.
    private static func unreachable(_ error: BroadcastError) -> ResultDTO? {
        switch error {
        case .cameraUnreachable(let address, let code):
            ResultDTO(false, message: "Could not connect to \(address) result:\(code)", errorID: code)
        case .cameraNeedsONVIF(let address): ResultDTO(false, message: "Could not connect to \(address) result:-1", errorID: -1)
        case .sourceUnreachable(let reason): ResultDTO(false, message: "Could not connect to the new source: \(reason)")
        default: nil
        }
    }

    private static func updating(_ error: BroadcastError, id: String) -> ResultDTO {
        switch error {
        case .unknownBroadcast: ResultDTO(false, message: "Broadcast with streamId: \(Self.printable(id)) does not exist")
        case .sourceURLInvalid: ResultDTO(false, message: "Stream URL is not valid")
        case .cameraAddressInvalid(let address): ResultDTO(false, message: "IP camera addr is not valid: \(address)")
        default: Self.unreachable(error) ?? Self.invalidMember(error) ?? Self.empty
        }
    }

    private static func starting(_ error: BroadcastError, id: String) -> ResultDTO {
        switch error {
        case .unknownBroadcast: ResultDTO(false, message: "No Stream Exists with id:\(id)")
        case .noSource: ResultDTO(false, message: "Stream url is null and it's not an IP camera to get stream url for id:\(id)")
        case .resourcesExhausted: ResultDTO(false, message: "Not enough resource on server to start streaming.")
        case .alreadyActive: ResultDTO(false, message: "Stream is already active. It's already streaming or trying to connect")
        case .typeNotStartable:
            ResultDTO(false, message: "Broadcast type is not supported. It can be StreamSource, IP Camera, VOD, Playlist")
        case .playlistEmpty: ResultDTO(false, message: "There is no playlist  for stream id:\(id)")
        case .playlistAlreadyRunning: ResultDTO(false, message: "Playlist is already running for stream:\(id)")
        case .sourceURLInvalid: ResultDTO(false, message: "Stream URL is not valid")
        case .listNotPlayable: Self.invalidMember(error) ?? Self.empty
        default: Self.unreachable(error) ?? Self.empty
        }
    }

    /// Of a running pull, or of a URL that is only looked at.
    private static func asking(_ error: BroadcastError, id: String) -> ResultDTO {
        switch error {
        case .idBlank: ResultDTO(false, message: "Id field is blank.")
        case .noActiveSource:
            ResultDTO(
                false, message: "Not active stream source found with this id: \(id) make sure you give the id of a running stream source")
        case .unknownBroadcast: ResultDTO(false, message: "There is no playlist found. Please check Stream id again")
        case .notAPlaylist:
            ResultDTO(false, message: "This broadcast type is not playlist. This method is only available for playlists")
        case .indexOutOfList: ResultDTO(false, message: "Index is out of the list. Please specify the correct index")
        case .playlistNotRunning: ResultDTO(false, message: "No active playlist for id:\(id). Start the playlist first")
        case .durationUnknown(let code): ResultDTO(false, errorID: code)
        default: Self.empty
        }
    }

    private static func recording(_ error: BroadcastError, id: String) -> ResultDTO {
        switch error {
        case .recordingTypeUnknown:
            ResultDTO(false, message: "No stream for this id: \(id) or unexpected record type. Record type is null", dataID: nil)
        case .recordingNotStarted(let type): ResultDTO(false, message: "\(type) recording couldn't be started", dataID: nil)
        case .recordingRefusedDiskLow(let type):
            ResultDTO(false, message: "\(type) recording couldn't be started: there is too little free disk space", dataID: nil)
        case .recordingNotStopped(let type): ResultDTO(false, message: "\(type) recording couldn't be stopped", dataID: nil)
        default: ResultDTO(false, message: nil, dataID: nil)
        }
    }

    private static func uploading(_ error: BroadcastError) -> (HTTPResponse.Status, ResultDTO) {
        switch error {
        case .vodExtensionUnsupported: (.ok, ResultDTO(false, message: "notSupportedFileType", dataID: nil))
        case .textInvalid(let member): (.ok, ResultDTO(false, message: "\(member) is not valid.", dataID: nil))
        case .uploadTooLarge(let limit): (.contentTooLarge, ResultDTO(false, message: "The file is larger than \(limit) bytes.", dataID: nil))
        case .libraryBusy:
            (.ok, ResultDTO(false, message: "Not enough system resources available to upload and process VoD File", dataID: nil, errorID: -3))
        case .mediaBroken(let reason):
            (.ok, ResultDTO(false, message: "The file cannot be read as what its name says: \(Self.printable(reason))", dataID: nil))
        default: (.ok, Self.empty)
        }
    }

    private static func importing(_ error: BroadcastError) -> ResultDTO {
        switch error {
        case .importNotAllowed(let directories):
            let allowed = directories.isEmpty ? "none; see the setting vods.importDirectories" : directories.joined(separator: ", ")
            return ResultDTO(false, message: "VoD import directory is allowed under \(allowed)")
        case .notADirectory(let directory): return ResultDTO(false, message: "\(Self.printable(directory)) does not exist or is not a directory")
        case .importNameTaken(let name):
            return ResultDTO(false, message: "There is already a file with the name \(name) in the streams directory")
        case .importNotLinked: return ResultDTO(false, message: "Exception in creating symbolic link")
        case .importTooLarge(let limit): return ResultDTO(false, message: "The directory holds more than \(limit) files.")
        default: return Self.empty
        }
    }

    private static func addingEndpoint(_ error: BroadcastError, id: String) -> ResultDTO {
        switch error {
        case .endpointURLMissing: ResultDTO(false, message: "Missing Endpoint url")
        case .unknownBroadcast: ResultDTO(false, message: "Stream does not exist with Id: \(id)")
        case .endpointTaken(let url):
            ResultDTO(false, message: "Endpoint is not added to datastore for stream \(id). It is already added ->\(url)")
        default: ResultDTO(false, message: "Endpoint is not added to stream: \(id)")
        }
    }

    /// Control characters become `_`, so that the text can be shown anywhere.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "_" : $0 }))
    }
}
