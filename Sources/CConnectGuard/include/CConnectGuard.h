#pragma once
// Asks before this thread contacts an address: see ConnectGuard.swift and docs/decisions/0012-guarded-connect.md.

#include <stdbool.h>
#include <sys/socket.h>

// Whether the address may be contacted. Called on the thread that installed it, from within connect(), sendto() or sendmsg(), for every
// family but AF_UNIX and AF_NETLINK; `address` holds at least `length` bytes, which may be fewer than its family needs.
typedef bool (*connect_guard_verdict)(void *context, const struct sockaddr *address, socklen_t length);

typedef struct {
    // NULL: everything may be contacted.
    connect_guard_verdict verdict;
    void *context;
} connect_guard;

// Makes `next` the guard of this thread and returns what it was before.
connect_guard connect_guard_swap(connect_guard next);

// The address that was refused last on this thread, with its length; 0 when there was none since the thread began or connect_guard_forget().
socklen_t connect_guard_refused(struct sockaddr_storage *address);
void connect_guard_forget(void);
