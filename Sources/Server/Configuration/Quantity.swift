/// How durations and sizes are written in settings: a whole number and a unit.
enum Quantity {
    /// `500ms`, `2s`, `1m`, `1h`; a zero needs no unit.
    static func duration(_ text: String) -> Duration? {
        guard let milliseconds = Self.parse(text, units: Self.durationUnits) else { return nil }
        return .milliseconds(milliseconds)
    }

    /// Bytes. `KB`, `MB`, `GB` count in thousands, `KiB`, `MiB`, `GiB` in 1024s; a zero needs no unit.
    static func size(_ text: String) -> Int? {
        Self.parse(text, units: Self.sizeUnits)
    }

    static func text(_ duration: Duration) -> String {
        Self.render(Int(duration.milliseconds), units: Self.durationUnits)
    }

    static func text(bytes: Int) -> String {
        Self.render(bytes, units: Self.sizeUnits)
    }

    private static let durationUnits: [(String, Int)] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
    private static let sizeUnits: [(String, Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000), ("B", 1),
    ]

    private static func parse(_ text: String, units: [(name: String, factor: Int)]) -> Int? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard !digits.isEmpty, let number = Int(digits) else { return nil }
        let name = text.dropFirst(digits.count)
        if name.isEmpty { return number == 0 ? 0 : nil }
        guard let unit = units.first(where: { $0.name == name }) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        return overflow ? nil : product
    }

    /// The shortest exact form.
    private static func render(_ value: Int, units: [(name: String, factor: Int)]) -> String {
        let exact = units.filter { value % $0.factor == 0 }.map { "\(value / $0.factor)\($0.name)" }
        return value == 0 ? "0" : exact.min { $0.count < $1.count } ?? "\(value)"
    }
}

extension Duration {
    /// Whole milliseconds, towards zero.
    var milliseconds: Int64 {
        self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000
    }
}
