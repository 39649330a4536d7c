// {{NAME}}: a command, /{{COMMAND}}, and a source: "/play {{COMMAND}}: 440" plays a tone of 440 Hz.
// Change what it does, keep how it does it: the comments in <timmybot/*.h> are the contract. No exception may leave a
// function that the host calls, so each body runs in `guarded`.
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <timmybot/timmybot.h>

#define ID "{{ID}}"
#define VERSION "0.1.0"
#define PREFIX "{{COMMAND}}:"

// Read from the file without running it. "hosts": what the plugin wants to reach over timmy.http/1;
// "examples": what `timmybot plugin check` may search for.
TB_MANIFEST("{\"id\":\"" ID "\",\"version\":\"" VERSION "\",\"abi\":1,\"name\":\"{{NAME}}\","
            "\"text\":\"Plays a tone\",\"source\":{\"patterns\":[\"" PREFIX "\"]},"
            "\"examples\":[\"" PREFIX " 440\"],\"hosts\":[]}");

namespace {

std::string_view view(tb_str s) { return s.len ? std::string_view(s.ptr, s.len) : std::string_view(); }
tb_str str(std::string_view s) { return { s.data(), s.size() }; }

template <typename Body> tb_status guarded(Body &&body) noexcept {
    try {
        return body();
    } catch (...) {
        return TB_E_INTERNAL;
    }
}

struct Plugin {
    const tb_host_v1 *host;
    const tb_host_task_v1 *tasks;
    const tb_host_reply_v1 *reply;
    const tb_host_source_v1 *source;

    tb_status fail(tb_task task, std::string_view user_text) const {
        tb_error_v1 error = { TB_E_INVALID, 0, 0, 0, str(user_text), str("") };
        tasks->fail(host, task, &error);  // TB_E_STALE is harmless: nobody waits any more
        return TB_OK;
    }
};

// ---- sound: the host pulls, on a thread of its own -----------------------------------------------------------------

class Tone {
public:
    static constexpr int rate = 48000, frame_size = 4, seconds = 5;
    static constexpr uint64_t total = uint64_t{ rate } * seconds * frame_size;

    explicit Tone(int frequency) : frequency_(frequency) {}

    tb_reader_v1 reader() { return { this, read, seek, interrupt, close }; }
    static void close(void *ctx) { delete static_cast<Tone *>(ctx); }

private:
    const double frequency_;
    uint64_t at_ = 0;  // in bytes
    std::atomic<bool> interrupted_{ false };

    int16_t sample(uint64_t frame) const {
        double time = double(frame) / rate, left = seconds - time;
        double fade = time < 0.05 ? time / 0.05 : left < 0.05 ? left / 0.05 : 1;  // no click at either end
        return static_cast<int16_t>(8000 * fade * std::sin(2 * 3.14159265358979 * frequency_ * time));
    }

    // Little-endian samples, left and right in turn. The buffer may end anywhere, even within a sample.
    static int64_t read(void *ctx, uint8_t *buffer, size_t capacity) {
        Tone &t = *static_cast<Tone *>(ctx);
        size_t count = 0;
        if (t.interrupted_.exchange(false)) return TB_E_CANCELLED;
        while (count < capacity && count < 65536 && t.at_ < total) {
            auto bits = static_cast<uint16_t>(t.sample(t.at_ / frame_size));
            buffer[count++] = static_cast<uint8_t>(t.at_ % 2 ? bits >> 8 : bits & 0xFF);
            t.at_++;
        }
        return static_cast<int64_t>(count);
    }

    static tb_status seek(void *ctx, uint64_t offset) {
        Tone &t = *static_cast<Tone *>(ctx);
        if (offset > total) return TB_E_INVALID;
        t.at_ = offset;
        t.interrupted_ = false;
        return TB_OK;
    }

    static void interrupt(void *ctx) { static_cast<Tone *>(ctx)->interrupted_ = true; }
};

// ---- the source -----------------------------------------------------------------------------------------------------

// Hz from 20 to 2000, 0 where `text` is something else.
int frequency_of(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (text.empty() || text.size() > 4 || text.find_first_not_of("0123456789") != text.npos) return 0;
    int value = std::stoi(std::string(text));
    return value >= 20 && value <= 2000 ? value : 0;
}

bool is_mine(std::string_view input) { return input.substr(0, sizeof PREFIX - 1) == PREFIX; }

uint32_t match(void *, tb_str input) { return is_mine(view(input)) ? 100 : 0; }

tb_status resolve(void *self, tb_task task, tb_str given, uint32_t limit) {
    return guarded([&]() -> tb_status {
        const Plugin &p = *static_cast<Plugin *>(self);
        std::string_view input = view(given);
        if (is_mine(input)) input.remove_prefix(sizeof PREFIX - 1);
        int frequency = frequency_of(input);
        if (!frequency) return p.fail(task, "Say how high the tone is, from 20 to 2000 Hz: {{COMMAND}}: 440");
        const std::string key = std::to_string(frequency), title = key + " Hz";
        tb_track_v1 track = {};
        track.key = str(key);
        track.title = str(title);
        track.artist = str("{{NAME}}");
        track.duration_ms = Tone::seconds * 1000;
        p.source->resolved(p.host, task, &track, limit ? 1 : 0);
        return TB_OK;
    });
}

tb_status open_track(void *self, tb_task task, tb_str key, uint64_t) {  // the reader can seek, so the host does
    return guarded([&]() -> tb_status {
        const Plugin &p = *static_cast<Plugin *>(self);
        int frequency = frequency_of(view(key));
        if (!frequency) return TB_E_NOT_FOUND;
        auto tone = std::make_unique<Tone>(frequency);
        tb_media_v1 media = {};
        media.kind = TB_MEDIA_PCM_S16_48K_STEREO;
        media.byte_length = Tone::total;
        media.reader = tone->reader();
        if (p.source->opened(p.host, task, &media) == TB_OK) tone.release();  // the host's now, which closes it
        return TB_OK;
    });
}

const tb_source_v1 source = { match, resolve, open_track, nullptr, nullptr };

// ---- the command ----------------------------------------------------------------------------------------------------

#define HELLO(P) P(OPT_INT, times, "how often", 1, 5)
TB_COMMAND(hello, HELLO) {
    (void)call;
    return guarded([&]() -> tb_status {
        const Plugin &p = *static_cast<Plugin *>(self);
        const std::string json =
            "[{\"type\":10,\"content\":\"Hello from {{NAME}}, " + std::to_string(times ? *times : 1) + " times.\"}]";
        tb_message_v1 message = {};
        message.components_json = str(json);
        tb_status status = p.reply->send(p.host, task, &message);
        return status == TB_E_STALE ? TB_OK : status;
    });
}

const tb_command_v1 rows[] = { TB_COMMAND_NAMED(hello, "{{COMMAND}}", "Says hello") };
const tb_commands_v1 commands = { rows, 1, nullptr, nullptr, nullptr, nullptr };

// ---- the plugin -----------------------------------------------------------------------------------------------------

// A table of the host; where it is missing, the operator reads which.
template <typename Table> bool get(const tb_host_v1 *host, const char *id, const Table *&out) {
    out = static_cast<const Table *>(host->get_extension(host, id));
    auto log = static_cast<const tb_host_log_v1 *>(host->get_extension(host, TB_EXT_LOG));
    if (!out && log) {
        const std::string text = std::string("this host does not offer ") + id;
        log->log(host, TB_LOG_ERROR, str(text));
    }
    return out != nullptr;
}

tb_status create(const tb_host_v1 *host, tb_str, void **out_self) {
    return guarded([&]() -> tb_status {
        auto p = std::make_unique<Plugin>();
        p->host = host;
        bool has_all = get(host, TB_EXT_TASK, p->tasks) && get(host, TB_EXT_REPLY, p->reply) &&
                       get(host, TB_EXT_SOURCE_HOST, p->source);
        if (!has_all) return TB_E_UNSUPPORTED;
        *out_self = p.release();
        return TB_OK;
    });
}

void stop(void *) {}  // every task is settled before its function returns

void destroy(void *self) { delete static_cast<Plugin *>(self); }

const void *get_extension(const char *id) {
    if (!id) return nullptr;
    if (std::strcmp(id, TB_EXT_SOURCE) == 0) return &source;
    return std::strcmp(id, TB_EXT_COMMANDS) == 0 ? &commands : nullptr;
}

const tb_plugin_v1 table = { TB_PLUGIN_MAGIC, sizeof table, TB_LIT(ID), TB_LIT(VERSION),
                             create,          stop,         destroy,    get_extension };

}  // namespace

extern "C" __attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
