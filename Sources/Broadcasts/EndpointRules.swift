import Store

/// The rules for what a broadcast is pushed to.
struct EndpointRules: Sendable {
    static let longestURL = 2048
    static let longestServiceID = 256
    /// A broadcast may have so many.
    static let most = 128

    /// Whether it is a URL that can be pushed to, as those who push see it.
    let isValidDestination: @Sendable (String) -> Bool

    func isValid(_ url: String) -> Bool {
        guard url.utf8.count <= Self.longestURL, !url.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            return false
        }
        return self.isValidDestination(url)
    }

    func isValid(serviceID: String) -> Bool {
        !serviceID.isEmpty && serviceID.utf8.count <= Self.longestServiceID
            && !serviceID.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    static func newServiceID() -> String { "custom" + StreamID.random(6) }

    /// A client's whole list as records. An endpoint that is there already keeps its id, place in the store and status.
    func records(for wanted: [BroadcastChanges.Endpoint], present: [EndpointRecord]) throws(BroadcastError) -> [EndpointRecord] {
        guard wanted.count <= Self.most else { throw .endpointRefused }
        var records: [EndpointRecord] = []
        for endpoint in wanted {
            if var same = present.first(where: { $0.url == endpoint.url && (endpoint.serviceID == nil || endpoint.serviceID == $0.serviceID) }) {
                guard !records.contains(where: { $0.url == same.url }) else { throw .endpointTaken(url: endpoint.url) }
                endpoint.apply(to: &same)
                records.append(same)
                continue
            }
            guard self.isValid(endpoint.url) else { throw .endpointInvalid(url: endpoint.url) }
            let serviceID = endpoint.serviceID.flatMap { $0.isEmpty ? nil : $0 } ?? Self.newServiceID()
            guard self.isValid(serviceID: serviceID) else { throw .endpointRefused }
            guard !records.contains(where: { $0.url == endpoint.url || $0.serviceID == serviceID }) else { throw .endpointTaken(url: endpoint.url) }
            records.append(
                EndpointRecord(
                    serviceID: serviceID, url: endpoint.url, resolutionHeight: max(0, endpoint.resolutionHeight),
                    isEnabled: endpoint.isEnabled ?? true, addsSilence: endpoint.addsSilence))
        }
        return records
    }
}
