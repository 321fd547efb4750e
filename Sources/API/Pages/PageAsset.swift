/// A file of the web pages, compiled in.
struct PageAsset: Sendable {
    /// As in `Pages/Assets`.
    let name: String
    let bytes: [UInt8]

    static let all: [PageAsset] = [
        PageAsset(name: "api.js", bytes: PackageResources.api_js),
        PageAsset(name: "dash.js", bytes: PackageResources.dash_js),
        PageAsset(name: "detail.js", bytes: PackageResources.detail_js),
        PageAsset(name: "docs.css", bytes: PackageResources.docs_css),
        PageAsset(name: "docs.html", bytes: PackageResources.docs_html),
        PageAsset(name: "docs.js", bytes: PackageResources.docs_js),
        PageAsset(name: "engine.js", bytes: PackageResources.engine_js),
        PageAsset(name: "hls.js", bytes: PackageResources.hls_js),
        PageAsset(name: "icon.svg", bytes: PackageResources.icon_svg),
        PageAsset(name: "index.html", bytes: PackageResources.index_html),
        PageAsset(name: "library.js", bytes: PackageResources.library_js),
        PageAsset(name: "m3u8.js", bytes: PackageResources.m3u8_js),
        PageAsset(name: "mp4.js", bytes: PackageResources.mp4_js),
        PageAsset(name: "openapi.yaml", bytes: PackageResources.openapi_yaml),
        PageAsset(name: "operator.css", bytes: PackageResources.operator_css),
        PageAsset(name: "operator.js", bytes: PackageResources.operator_js),
        PageAsset(name: "play.css", bytes: PackageResources.play_css),
        PageAsset(name: "play.html", bytes: PackageResources.play_html),
        PageAsset(name: "play.js", bytes: PackageResources.play_js),
        PageAsset(name: "track.js", bytes: PackageResources.track_js),
        PageAsset(name: "ui.js", bytes: PackageResources.ui_js),
        PageAsset(name: "yaml.js", bytes: PackageResources.yaml_js),
    ]

    var type: String {
        switch self.name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        case "yaml": "application/yaml; charset=utf-8"
        default: "application/octet-stream"
        }
    }

    /// The same for the same bytes, whatever process serves them: FNV-1a, 64 bits.
    var etag: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in self.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return "\"\(String(hash, radix: 16))\""
    }

    /// What a browser may do with a page. Everything comes from this server; the player may stand in other sites' pages, the operator's may not,
    /// or a click into them could be stolen.
    var policy: [(String, String)] {
        guard self.name.hasSuffix(".html") else { return [] }
        let common =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; media-src 'self' blob:; "
            + "base-uri 'none'; form-action 'none'"
        // Addresses of players hold tokens, which other sites need not see.
        let referrer = ("Referrer-Policy", "no-referrer")
        if self.name == "play.html" { return [("Content-Security-Policy", common), referrer] }
        return [
            ("Content-Security-Policy", common + "; frame-src 'self'; frame-ancestors 'none'"), ("X-Frame-Options", "DENY"), referrer,
        ]
    }
}
