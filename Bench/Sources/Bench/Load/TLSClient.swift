import COpenSSL
import Glibc

/// TLS 1.3 on a non-blocking socket, with one cipher, so that no server is measured with a cheaper one. Whose certificate it is does not matter.
final class TLSClient {
    /// Shared by all clients. Safe: only the thread that makes and runs them uses it.
    private nonisolated(unsafe) static let context: OpaquePointer? = {
        guard let context = SSL_CTX_new(TLS_client_method()) else { return nil }
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_3_VERSION), nil)
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256")
        let protocols = [UInt8(8)] + Array("http/1.1".utf8)
        SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count))
        return context
    }()

    enum Progress {
        case done(Int)
        case waits
        case closed
    }

    private let session: OpaquePointer

    init(descriptor: Int32) throws(LoadFailure) {
        guard let context = Self.context, let session = SSL_new(context), SSL_set_fd(session, descriptor) == 1 else {
            throw .server("OpenSSL cannot be set up")
        }
        SSL_set_connect_state(session)
        self.session = session
    }

    deinit { SSL_free(self.session) }

    /// `done` when the handshake is through.
    func shakeHands() -> Progress { self.progress(SSL_do_handshake(self.session)) }
    func write(_ bytes: [UInt8]) -> Progress { self.progress(SSL_write(self.session, bytes, Int32(bytes.count))) }
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Progress {
        self.progress(SSL_read(self.session, buffer.baseAddress, Int32(clamping: buffer.count)))
    }

    private func progress(_ result: Int32) -> Progress {
        if result > 0 { return .done(Int(result)) }
        switch SSL_get_error(self.session, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .waits
        default: return .closed
        }
    }
}
