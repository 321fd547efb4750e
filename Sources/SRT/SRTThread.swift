import CSRT
import Glibc

/// A thread for one job of libsrt's, gone after it.
enum SRTThread {
    private final class Job: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// False when the system has none for us. Linux shows 15 bytes of the name.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 512 << 10)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let job = Unmanaged.passRetained(Job(name: name, body: body))
        var thread = pthread_t()
        guard pthread_create(&thread, &attributes, Self.main, job.toOpaque()) == 0 else {
            job.release()
            return false
        }
        return true
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { opaque in
        guard let opaque else { return nil }
        let job = Unmanaged<Job>.fromOpaque(opaque).takeRetainedValue()
        shim_srt_set_thread_name(job.name)
        job.body()
        return nil
    }
}
