// Swift's view of FFmpeg's libraries. Constants and macros that Swift cannot import get a static inline twin here.
#pragma once
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <errno.h>

static inline int tb_averror_eof(void) { return AVERROR_EOF; }
static inline int tb_averror_again(void) { return AVERROR(EAGAIN); }
static inline int tb_averror_exit(void) { return AVERROR_EXIT; }
static inline int tb_averror_io(void) { return AVERROR(EIO); }
static inline int tb_averror_unseekable(void) { return AVERROR(ESPIPE); }
static inline int64_t tb_no_pts(void) { return AV_NOPTS_VALUE; }
