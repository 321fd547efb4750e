#if __linux__
#define _GNU_SOURCE

#include "CConnectGuard.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Shared libraries of the process must find these before those of the C library, so the linker has to keep and to export them.
#define EXPORTED __attribute__((visibility("default"), used))
#define RARE(condition) __builtin_expect((condition), 0)

// Zero in every new thread: one that never asked for a guard pays for loading this, and no more.
static _Thread_local connect_guard installed;
static _Thread_local struct sockaddr_storage refused;
static _Thread_local socklen_t refused_length;

connect_guard connect_guard_swap(connect_guard next) {
    connect_guard previous = installed;
    installed = next;
    return previous;
}

socklen_t connect_guard_refused(struct sockaddr_storage *address) {
    *address = refused;
    return refused_length;
}

void connect_guard_forget(void) { refused_length = 0; }

static bool is_refused(const struct sockaddr *address, socklen_t length) {
    // Too short to name a family: the kernel says so.
    if (address == NULL || length < (socklen_t)sizeof(sa_family_t)) return false;
    if (address->sa_family == AF_UNIX || address->sa_family == AF_NETLINK) return false;
    // The verdict may itself look something up.
    connect_guard guard = installed;
    installed.verdict = NULL;
    bool is_allowed = guard.verdict(guard.context, address, length);
    installed = guard;
    if (is_allowed) return false;
    refused_length = length < (socklen_t)sizeof(refused) ? length : (socklen_t)sizeof(refused);
    memcpy(&refused, address, refused_length);
    errno = EACCES;
    return true;
}

// What each would have called without us, looked up once; two threads that come first together find the same. Should there be none, the
// kernel is asked directly.
typedef int (*connect_function)(int, const struct sockaddr *, socklen_t);
typedef ssize_t (*sendto_function)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
typedef ssize_t (*sendmsg_function)(int, const struct msghdr *, int);

#define NEXT(type, name)                                                                                                                    \
    static _Atomic(type) next;                                                                                                              \
    type real = atomic_load_explicit(&next, memory_order_relaxed);                                                                          \
    if (RARE(real == NULL)) {                                                                                                               \
        real = (type)dlsym(RTLD_NEXT, name);                                                                                                \
        atomic_store_explicit(&next, real, memory_order_relaxed);                                                                           \
    }

EXPORTED int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    // With AF_UNSPEC connect() ends an association and contacts nobody.
    if (RARE(installed.verdict != NULL) && (address == NULL || address->sa_family != AF_UNSPEC) && is_refused(address, length)) return -1;
    NEXT(connect_function, "connect")
    if (RARE(real == NULL)) return (int)syscall(SYS_connect, descriptor, address, length);
    return real(descriptor, address, length);
}

EXPORTED ssize_t sendto(int descriptor, const void *bytes, size_t count, int flags, const struct sockaddr *address, socklen_t length) {
    if (RARE(installed.verdict != NULL) && is_refused(address, length)) return -1;
    NEXT(sendto_function, "sendto")
    if (RARE(real == NULL)) return syscall(SYS_sendto, descriptor, bytes, count, flags, address, length);
    return real(descriptor, bytes, count, flags, address, length);
}

EXPORTED ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    if (RARE(installed.verdict != NULL) && message != NULL && is_refused(message->msg_name, message->msg_namelen)) return -1;
    NEXT(sendmsg_function, "sendmsg")
    if (RARE(real == NULL)) return syscall(SYS_sendmsg, descriptor, message, flags);
    return real(descriptor, message, flags);
}
#else

#include "CConnectGuard.h"

// Elsewhere than on Linux an address is checked before it is used, and not again.
connect_guard connect_guard_swap(connect_guard next) {
    connect_guard none = {0, 0};
    (void)next;
    return none;
}

socklen_t connect_guard_refused(struct sockaddr_storage *address) {
    (void)address;
    return 0;
}

void connect_guard_forget(void) {}
#endif
