public import Media

/// What a pull is to fetch, and how. Made by Broadcasts from a stored broadcast; nothing in it is looked up again while the pull runs.
public struct PullPlan: Sendable, Equatable {
    /// The broadcast, whose stream the frames are published to.
    public var id: String
    public var content: Content

    public enum Content: Sendable, Equatable {
        /// One live source: a camera or a stream URL. Opened again, with backoff, whenever it ends or fails, as long as it is wanted.
        case live(PullItem)
        /// Files and streams one after the other, without a gap, paced to real time.
        case sequence(PullSequence)
    }

    public init(id: String, content: Content) {
        self.id = id
        self.content = content
    }
}

/// One thing to open.
public struct PullItem: Sendable, Equatable {
    /// A URL of an allowed scheme, or `vod:{path below the streams directory}` for a file of the server's own library.
    public var url: String
    /// Camera credentials; they go percent-encoded into the URL when it is opened, and nowhere else.
    public var username: String?
    public var password: String?
    /// Where to start within a file.
    public var start: MediaTime
    /// False for items that arrive in real time by themselves (live sources): they are not paced.
    public var isFile: Bool

    public init(url: String, username: String? = nil, password: String? = nil, start: MediaTime = .zero, isFile: Bool) {
        self.url = url
        self.username = username
        self.password = password
        self.start = start
        self.isFile = isFile
    }
}

public struct PullSequence: Sendable, Equatable {
    /// Never empty.
    public var items: [PullItem]
    /// Where to begin; one outside the list counts as 0.
    public var firstIndex: Int
    /// After the last item comes the first again.
    public var loops: Bool
    /// Every item is re-encoded to one format, so that joints never change the codec parameters.
    public var normalises: Bool

    public init(items: [PullItem], firstIndex: Int = 0, loops: Bool, normalises: Bool = false) {
        self.items = items
        self.firstIndex = firstIndex
        self.loops = loops
        self.normalises = normalises
    }
}
