public import Media

/// What a pull tells its owner, in order, from its own thread; the receiver must not block.
public enum PullEvent: Sendable, Equatable {
    /// An input is being opened.
    case preparing(index: Int)
    /// The first frame of an opening was published.
    case broadcasting(index: Int)
    /// The input ended or could not be opened; the next try comes after the delay.
    case retrying(PullFailure, attempt: Int, afterMilliseconds: Int64)
    /// The sequence has come to this item.
    case itemStarted(index: Int)
    /// The item could not be played, or broke off; the next one follows.
    case itemFailed(index: Int, PullFailure)
    /// Nothing more comes. `listEnded` tells a list that was played to its end from a stop.
    case finished(listEnded: Bool, PullFailure?)
}

/// One running pull, from `Puller.start` to its `finished` event. All calls return at once.
public protocol PullSession: Sendable {
    var status: PullStatus { get }
    /// Ends it: no frame is published after this returns; `finished` follows within a second whatever the peer does. Again: does nothing.
    func stop()
    /// Within the current item. False when it cannot be seeked in, or the time is at or behind its end.
    func seek(to time: MediaTime) -> Bool
    /// Goes to an item at once; nil is the next one. False when there is no such item (a list that does not loop has none after its last).
    func skip(to index: Int?) -> Bool
    /// Takes a new list; what is being played goes on to its end, and the following index is looked up in the new one.
    func replace(_ sequence: PullSequence)
}
