/// Why a configuration record, a header or a payload could not be read. The input is at fault, never the process.
public enum MediaError: Error, Sendable, Hashable {
    /// The bytes end inside a field.
    case truncated
    /// A field holds a value that its specification forbids, or a start code, marker or length is wrong.
    case invalidValue
    /// The record's version is not one we know.
    case unsupportedVersion(UInt8)
    /// A decoder could not start: no sequence or picture parameter set (HEVC: or no video parameter set).
    case missingParameterSet
    /// A count or length is beyond what Martlet accepts.
    case limitExceeded
    /// This codec has no such record or operation.
    case unsupportedCodec(Codec)
}
