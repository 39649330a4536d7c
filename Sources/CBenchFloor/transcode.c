// The same libraries with the same settings as the media worker, driven by as little C as will do. Mistakes end it: it
// only ever sees our own songs.
#include "CBenchFloor.h"
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000
#define CHANNELS 2
#define FRAME 960
// The worker's pace: so many packets, and then so many microseconds of sleep.
#define RING 12
#define PERIOD 40000

typedef struct work {
    AVFormatContext *format;
    AVCodecContext *decoder;
    SwrContext *resampler;
    OpusEncoder *encoder;
    AVPacket *packet;
    AVFrame *frame;
    float *samples;
    int waiting, capacity, paced;
    tb_transcoded *result;
} work;

static int open_decoder(work *w, int index) {
    AVCodecParameters *parameters = w->format->streams[index]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    w->decoder = avcodec_alloc_context3(codec);
    if (!w->decoder || avcodec_parameters_to_context(w->decoder, parameters) < 0) return -1;
    w->decoder->thread_count = 1;
    return avcodec_open2(w->decoder, codec, NULL);
}

static int open_resampler(work *w) {
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
    if (swr_alloc_set_opts2(
            &w->resampler, &stereo, AV_SAMPLE_FMT_FLT, RATE, &w->frame->ch_layout, w->frame->format, w->frame->sample_rate, 0,
            NULL) < 0)
        return -1;
    return swr_init(w->resampler);
}

static int open_encoder(work *w, int bitrate, int complexity) {
    int status;
    w->encoder = opus_encoder_create(RATE, CHANNELS, OPUS_APPLICATION_AUDIO, &status);
    if (!w->encoder) return -1;
    opus_encoder_ctl(w->encoder, OPUS_SET_BITRATE(bitrate));
    opus_encoder_ctl(w->encoder, OPUS_SET_COMPLEXITY(complexity));
    opus_encoder_ctl(w->encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_MUSIC));
    return 0;
}

static int encode(work *w, int at_end) {
    uint8_t packet[1275];
    int done = 0;
    if (at_end && w->waiting % FRAME) {
        int missing = FRAME - w->waiting % FRAME;
        memset(w->samples + w->waiting * CHANNELS, 0, sizeof(float) * (size_t)(missing * CHANNELS));
        w->waiting += missing;
    }
    for (; w->waiting - done >= FRAME; done += FRAME) {
        int length = opus_encode_float(w->encoder, w->samples + done * CHANNELS, FRAME, packet, sizeof packet);
        if (length <= 0) return -1;
        w->result->packets++;
        w->result->bytes += length;
        if (w->paced && w->result->packets % RING == 0) usleep(PERIOD);
    }
    w->waiting -= done;
    memmove(w->samples, w->samples + done * CHANNELS, sizeof(float) * (size_t)(w->waiting * CHANNELS));
    return 0;
}

// NULL flushes what the resampler still holds.
static int resample(work *w, AVFrame *frame) {
    if (!w->resampler && (!frame || open_resampler(w) < 0)) return -1;
    int most = swr_get_out_samples(w->resampler, frame ? frame->nb_samples : 0) + FRAME;
    if (w->waiting + most > w->capacity) {
        w->capacity = w->waiting + most;
        w->samples = realloc(w->samples, sizeof(float) * (size_t)(w->capacity * CHANNELS));
    }
    uint8_t *target = (uint8_t *)(w->samples + w->waiting * CHANNELS);
    int got = swr_convert(
        w->resampler, &target, most - FRAME, frame ? (const uint8_t **)frame->extended_data : NULL, frame ? frame->nb_samples : 0);
    if (got < 0) return -1;
    w->waiting += got;
    return encode(w, !frame);
}

static int decode(work *w, AVPacket *packet) {
    if (avcodec_send_packet(w->decoder, packet) < 0 && packet) return 0;
    while (avcodec_receive_frame(w->decoder, w->frame) == 0) {
        if (resample(w, w->frame) < 0) return -1;
        av_frame_unref(w->frame);
    }
    return 0;
}

static int run(work *w, const char *path, int bitrate, int complexity) {
    if (avformat_open_input(&w->format, path, NULL, NULL) < 0 || avformat_find_stream_info(w->format, NULL) < 0) return -1;
    int index = av_find_best_stream(w->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    w->packet = av_packet_alloc();
    w->frame = av_frame_alloc();
    if (index < 0 || open_decoder(w, index) < 0 || open_encoder(w, bitrate, complexity) < 0) return -1;
    while (av_read_frame(w->format, w->packet) >= 0) {
        if (w->packet->stream_index == index && decode(w, w->packet) < 0) return -1;
        av_packet_unref(w->packet);
    }
    return decode(w, NULL) < 0 || resample(w, NULL) < 0 ? -1 : 0;
}

int tb_transcode(const char *path, int bitrate, int complexity, int paced, tb_transcoded *result) {
    work w = {.paced = paced, .result = result};
    *result = (tb_transcoded){0};
    av_log_set_level(AV_LOG_QUIET);
    int64_t start = tb_cpu_here();
    int status = run(&w, path, bitrate, complexity);
    if (w.encoder) opus_encoder_destroy(w.encoder);
    swr_free(&w.resampler);
    avcodec_free_context(&w.decoder);
    av_frame_free(&w.frame);
    av_packet_free(&w.packet);
    avformat_close_input(&w.format);
    free(w.samples);
    result->cpu = tb_cpu_here() - start;
    return status;
}
