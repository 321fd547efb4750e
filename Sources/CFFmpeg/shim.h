#pragma once
// What Swift cannot import from FFmpeg's headers: function-like and cast macros, struct-literal macros, variadics.
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

static const int64_t shim_AV_NOPTS_VALUE = AV_NOPTS_VALUE;
static const int shim_AVERROR_EOF = AVERROR_EOF;
static const int shim_AVERROR_EXIT = AVERROR_EXIT;
static const int shim_AVERROR_INVALIDDATA = AVERROR_INVALIDDATA;
static inline int shim_averror(int code) { return AVERROR(code); }
static inline AVRational shim_time_base_q(void) { return AV_TIME_BASE_Q; }
