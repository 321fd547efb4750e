// What the load generator needs of the kernel and Swift's Glibc module leaves out.
#pragma once
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

// An enum parameter or an int, depending on what glibc's headers were told; here it does not matter.
static inline int bench_prefer_this_thread(int nice) { return setpriority(PRIO_PROCESS, 0, nice); }
