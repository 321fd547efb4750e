/// A value of Action Message Format 0 (AMF0 §2).
public indirect enum AMF0Value: Sendable, Equatable {
    case number(Double)
    case boolean(Bool)
    case string(String)
    case object(AMF0Object)
    case null
    case undefined
    /// A number that stands for an earlier object; nobody resolves them in RTMP.
    case reference(UInt16)
    case ecmaArray(AMF0Object)
    case strictArray([AMF0Value])
    /// Milliseconds since 1970 and a time zone that should be 0.
    case date(milliseconds: Double, timeZone: Int16)
    case longString(String)
    case unsupported
    case xmlDocument(String)
    case typedObject(className: String, AMF0Object)

    public var number: Double? { if case .number(let value) = self { value } else { nil } }
    public var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
    public var string: String? {
        switch self {
        case .string(let value), .longString(let value): value
        default: nil
        }
    }
    /// The properties of anything that has some.
    public var object: AMF0Object? {
        switch self {
        case .object(let value), .ecmaArray(let value), .typedObject(_, let value): value
        default: nil
        }
    }
    public var array: [AMF0Value]? { if case .strictArray(let values) = self { values } else { nil } }
}

extension AMF0Value: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral {
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}
