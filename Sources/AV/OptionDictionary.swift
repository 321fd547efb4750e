import CFFmpeg

/// An `AVDictionary` for the length of one call. Whatever FFmpeg leaves in it was not understood.
struct OptionDictionary: ~Copyable {
    var raw: OpaquePointer?

    init(_ options: [String: String]) throws(AVFailure) {
        for (name, value) in options {
            let result = av_dict_set(&self.raw, name, value, 0)
            guard result >= 0 else { throw AVFailure("set option \(name)", code: result) }
        }
    }

    deinit {
        var raw = self.raw
        av_dict_free(&raw)
    }

    /// The first option nobody took.
    var leftover: String? {
        guard let entry = av_dict_get(self.raw, "", nil, AV_DICT_IGNORE_SUFFIX), let key = entry.pointee.key else { return nil }
        return String(cString: key)
    }
}
