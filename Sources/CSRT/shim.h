#pragma once
// The GnuTLS flavour, because libavformat brings that one with it: two of them in one process crash when it ends.
#include <srt/srt.h>
#include <srt/access_control.h>
#include <sys/prctl.h>

static inline void shim_srt_set_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
