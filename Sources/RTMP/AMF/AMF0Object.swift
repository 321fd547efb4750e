/// The properties of an object in the order they were sent. Names may repeat; the first one counts.
public struct AMF0Object: Sendable, Equatable {
    public struct Property: Sendable, Equatable {
        public var name: String
        public var value: AMF0Value

        public init(name: String, value: AMF0Value) {
            self.name = name
            self.value = value
        }
    }

    public var properties: [Property]

    public init(_ properties: [Property] = []) { self.properties = properties }

    public subscript(name: String) -> AMF0Value? { self.properties.first { $0.name == name }?.value }

    public mutating func append(_ name: String, _ value: AMF0Value) { self.properties.append(Property(name: name, value: value)) }
}

extension AMF0Object: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, AMF0Value)...) {
        self.properties = elements.map { Property(name: $0.0, value: $0.1) }
    }
}
