import CNGHTTP2

/// The C functions of nghttp2, and what they need to know. They are called within `nghttp2_session_mem_recv` and `…_mem_send`, that is, on the
/// connection's event loop, and only pass on to the connection's handler.
enum HTTP2Callbacks {
    /// A session for `handler`, which must live longer than it and deletes it.
    static func makeSession(for handler: HTTP2ConnectionHandler) throws(HTTP2Error) -> OpaquePointer {
        guard let table = self.table, let option = self.option else { throw .outOfMemory }
        var session: OpaquePointer?
        guard nghttp2_session_server_new2(&session, table, Unmanaged.passUnretained(handler).toOpaque(), option) == 0, let session else {
            throw .outOfMemory
        }
        return session
    }

    // Safe: written once here, and only read by nghttp2 afterwards.
    private nonisolated(unsafe) static let option: OpaquePointer? = {
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0, let option else { return nil }
        // What has been received counts as consumed when somebody has taken it.
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_settings(option, 32)
        // Answers to pings and settings that wait for a client which does not read.
        nghttp2_option_set_max_outbound_ack(option, 1000)
        // CVE-2023-44487; our own count of control frames is stricter over time.
        nghttp2_option_set_stream_reset_rate_limit(option, 1000, 50)
        return option
    }()

    // Safe: as above.
    private nonisolated(unsafe) static let table: OpaquePointer? = {
        var table: OpaquePointer?
        guard nghttp2_session_callbacks_new(&table) == 0, let table else { return nil }
        nghttp2_session_callbacks_set_on_begin_frame_callback(table) { _, header, user in
            if let header { HTTP2Callbacks.handler(user)?.began(header.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, user in
            if let frame { HTTP2Callbacks.handler(user)?.beganHeaders(frame.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(table) { _, frame, name, nameLength, value, valueLength, _, user in
            guard let frame, let handler = HTTP2Callbacks.handler(user) else { return 0 }
            return handler.received(
                name: UnsafeBufferPointer(start: name, count: nameLength), value: UnsafeBufferPointer(start: value, count: valueLength),
                of: frame.pointee) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, user in
            if let frame { HTTP2Callbacks.handler(user)?.received(frame.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) { _, _, _, user in
            HTTP2Callbacks.handler(user)?.receivedInvalidFrame()
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, id, bytes, count, user in
            HTTP2Callbacks.handler(user)?.receivedData(UnsafeRawBufferPointer(start: bytes, count: count), on: id)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, user in
            if let frame { HTTP2Callbacks.handler(user)?.sent(frame.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, id, code, user in
            HTTP2Callbacks.handler(user)?.streamClosed(id, code: code)
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(table) { _, frame, header, length, _, user in
            guard let frame, let header, let handler = HTTP2Callbacks.handler(user) else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return handler.sendData(frame.pointee, header: UnsafeRawBufferPointer(start: header, count: 9), length: length)
        }
        return table
    }()

    /// Where the bytes of a body come from: how many are ready. They are asked for afterwards, by `sendData`.
    static func provider() -> nghttp2_data_provider {
        var provider = nghttp2_data_provider()
        provider.read_callback = { _, id, _, limit, flags, _, user in
            guard let flags, let handler = HTTP2Callbacks.handler(user) else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            return handler.availableData(on: id, atMost: limit, flags: &flags.pointee)
        }
        return provider
    }

    private static func handler(_ user: UnsafeMutableRawPointer?) -> HTTP2ConnectionHandler? {
        user.map { Unmanaged<HTTP2ConnectionHandler>.fromOpaque($0).takeUnretainedValue() }
    }
}

enum HTTP2Error: Error {
    case outOfMemory
}
