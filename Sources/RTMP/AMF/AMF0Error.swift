/// What can be wrong with AMF0 bytes.
public enum AMF0Error: Error, Sendable, Equatable {
    case truncated
    case unknownMarker(UInt8)
    /// Objects in objects in objects.
    case tooDeep(limit: Int)
    case tooManyValues(limit: Int)
    case tooLarge(bytes: Int, limit: Int)
}
