// Internet radio in C++17: "/play radio: jazz" asks a directory of stations through the host and plays what the listener
// chooses. The directory speaks the protocol of radio-browser.info; its address is the operator's to change:
//   {"directory": "https://radio.example.org"}
//
// Nothing that C++ throws leaves a function that the host calls: each body runs in `guarded`.
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <timmybot/timmybot.h>

#include "json.hpp"

// Stations may be anywhere, so this one asks for every host and port, also by plain http. The host still refuses addresses
// of private networks.
TB_MANIFEST(
    "{\"id\":\"example.radio\",\"version\":\"1.0.0\",\"abi\":1,\"license\":\"MIT\",\"name\":\"Radio directory\","
    "\"text\":\"Finds internet radio stations and plays them\",\"source\":{\"patterns\":[\"radio:\"]},"
    "\"hosts\":[\"de1.api.radio-browser.info\",\"http://*:*\"]}");

namespace {

constexpr std::string_view prefix = "radio:";
constexpr size_t max_stations = 25;

std::string_view view(tb_str s) { return s.len ? std::string_view(s.ptr, s.len) : std::string_view(); }
tb_str str(std::string_view s) { return { s.data(), s.size() }; }

struct Plugin {
    const tb_host_v1 *host;
    const tb_host_task_v1 *tasks;
    const tb_host_http_v1 *http;
    const tb_host_source_v1 *source;
    std::string directory = "https://de1.api.radio-browser.info";

    void fail(tb_task task, tb_status code, std::string_view user, std::string_view detail) const {
        tb_error_v1 error = { code, 0, 0, 0, str(user), str(detail) };
        tasks->fail(host, task, &error);  // TB_E_STALE is harmless
    }

    // After a completion: where the host did not take it, the task is still open and must be settled otherwise.
    void settle(tb_task task, tb_status answered) const {
        if (answered != TB_OK && answered != TB_E_STALE) fail(task, TB_E_IO, "", "the host did not take the result");
    }
};

// No exception crosses the border: what could be thrown is bad_alloc, and then the host hears of an internal error.
template <typename Body> tb_status guarded(Body &&body) noexcept {
    try {
        return body();
    } catch (...) {
        return TB_E_INTERNAL;
    }
}

// ---- the directory --------------------------------------------------------------------------------------------------

// A station as the directory tells of it.
struct Station {
    std::string_view id, name, url, homepage, favicon, tags, country;
    bool is_hls;

    explicit Station(const Json &json)
        : id(json.text("stationuuid")), name(json.text("name")),
          url(json.text("url_resolved").empty() ? json.text("url") : json.text("url_resolved")),
          homepage(json.text("homepage")), favicon(json.text("favicon")), tags(json.text("tags")),
          country(json.text("country")), is_hls(json.integer("hls") != 0) {}

    bool is_playable() const {
        return !id.empty() && id.size() <= 64 && !name.empty() && !url.empty() && url.size() <= 4096;
    }
};

// RFC 3986: everything but unreserved characters as %XX.
std::string encoded(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (unsigned char c : text) {
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        (c != 0 && std::strchr("-._~", c));
        if (is_plain) out += static_cast<char>(c);
        else out += '%', out += digits[c >> 4], out += digits[c & 15];
    }
    return out;
}

bool is_https(std::string_view url) { return url.size() <= 4096 && url.substr(0, 8) == "https://"; }

// A text of at most `limit` bytes that ends with a whole character.
std::string_view cut(std::string_view text, size_t limit) {
    if (text.size() <= limit) return text;
    while (limit && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) limit--;
    return text.substr(0, limit);
}

using Shared = std::shared_ptr<const Plugin>;

// What goes on when the directory answers. The host calls `arrived` exactly once; it takes the request back into a
// unique_ptr, so that it is freed on every path. It shares the plugin, whichever of the two ends first.
struct Request {
    Shared plugin;
    tb_task task;
    size_t limit;
    void (*then)(const Request &, const Json &);

    static void arrived(void *context, const tb_http_response_v1 *response) {
        std::unique_ptr<Request> self(static_cast<Request *>(context));
        tb_status status = guarded([&] { return self->handle(*response), TB_OK; });
        if (status != TB_OK) self->plugin->fail(self->task, status, "", "out of memory");
    }

    void handle(const tb_http_response_v1 &response) const {
        static constexpr std::string_view sorry = "The radio directory does not answer right now.";
        if (response.error) return plugin->fail(task, response.error->code, sorry, view(response.error->detail));
        if (response.status == 429) return plugin->fail(task, TB_E_RATE_LIMIT, sorry, "429");
        if (response.status != 200)
            return plugin->fail(task, TB_E_UNAVAILABLE, sorry, "status " + std::to_string(response.status));
        std::optional<Json> json =
            Json::parse({ reinterpret_cast<const char *>(response.body.ptr), response.body.len });
        if (!json || json->kind() != Json::Kind::array)
            return plugin->fail(task, TB_E_IO, sorry, "its answer is no JSON array");
        then(*this, *json);
    }
};

tb_status ask(const Shared &p, tb_task task, size_t limit, const std::string &path,
              void (*then)(const Request &, const Json &)) {
    auto pending = std::unique_ptr<Request>(new Request{ p, task, limit, then });
    const std::string url = p->directory + path;
    const tb_header_v1 headers[] = { { TB_STR("Accept"), TB_STR("application/json") } };
    tb_http_request_v1 request = {};
    request.url = str(url);
    request.headers = headers, request.header_count = 1;
    request.limit = 1u << 20;
    request.timeout_ms = 10'000;
    tb_status status = p->http->fetch(p->host, &request, Request::arrived, pending.get());
    if (status == TB_OK) pending.release();  // it is the completion's now; otherwise that is never called
    return status;
}

// ---- the source -----------------------------------------------------------------------------------------------------

void found(const Request &request, const Json &list) {
    tb_track_v1 tracks[max_stations] = {};
    size_t count = 0;
    for (const Json &item : list.items()) {
        const Station station(item);
        if (count == request.limit) break;
        if (!station.is_playable()) continue;
        tb_track_v1 &track = tracks[count++];
        track.key = str(station.id);
        track.title = str(cut(station.name, 200));
        track.artist = str(cut(station.country.empty() ? "Radio" : station.country, 100));
        track.album = str(cut(station.tags, 200));
        if (is_https(station.homepage)) track.page_url = str(station.homepage);
        if (is_https(station.favicon)) track.artwork_url = str(station.favicon);
        track.flags = TB_TRACK_LIVE;
    }
    const Plugin &p = *request.plugin;
    p.settle(request.task, p.source->resolved(p.host, request.task, tracks, count));
}

void tuned_in(const Request &request, const Json &list) {
    const Plugin &p = *request.plugin;
    if (list.items().empty())
        return p.fail(request.task, TB_E_NOT_FOUND, "This station is gone from the directory.", "no such station");
    const Station station(list.items().front());
    if (!station.is_playable())
        return p.fail(request.task, TB_E_UNAVAILABLE, "This station cannot be played.", "no name or address");
    // Some stations put song titles between the sound, unless they are asked not to.
    const tb_header_v1 headers[] = { { TB_STR("Icy-MetaData"), TB_STR("0") } };
    tb_media_v1 media = {};
    media.kind = TB_MEDIA_URL;
    media.url = str(station.url);
    if (station.is_hls) media.mime = TB_STR("application/vnd.apple.mpegurl");
    media.headers = headers, media.header_count = 1;
    media.byte_length = -1;
    p.settle(request.task, p.source->opened(p.host, request.task, &media));
}

uint32_t match(void *, tb_str input) { return view(input).substr(0, prefix.size()) == prefix ? 100 : 0; }

tb_status resolve(void *self, tb_task task, tb_str input, uint32_t limit) {
    return guarded([&]() -> tb_status {
        const Shared &p = *static_cast<Shared *>(self);
        std::string_view wanted = view(input);
        if (wanted.substr(0, prefix.size()) == prefix) wanted.remove_prefix(prefix.size());
        while (!wanted.empty() && wanted.front() == ' ') wanted.remove_prefix(1);
        size_t most = limit < max_stations ? limit : max_stations;
        if (wanted.empty() || most == 0)
            return p->fail(task, TB_E_INVALID, "Say what to look for: radio: jazz", "empty query"), TB_OK;
        std::string path =
            "/json/stations/search?hidebroken=true&order=votes&reverse=true&limit=" + std::to_string(most) +
            "&name=" + encoded(cut(wanted, 200));
        return ask(p, task, most, path, found);
    });
}

tb_status open(void *self, tb_task task, tb_str key, uint64_t) {
    return guarded([&]() -> tb_status {
        const Shared &p = *static_cast<Shared *>(self);
        if (key.len == 0 || key.len > 64) return TB_E_NOT_FOUND;
        // Asked anew each time: stations move, and the key must be good for as long as a queue is kept.
        return ask(p, task, 1, "/json/stations/byuuid?uuids=" + encoded(view(key)), tuned_in);
    });
}

const tb_source_v1 source = { match, resolve, open, nullptr, nullptr };

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

tb_status refuse(const tb_host_v1 *host, std::string_view why) {
    const tb_host_log_v1 *log = nullptr;
    if (get(host, TB_EXT_LOG, log)) log->log(host, TB_LOG_ERROR, str(why));
    return TB_E_INVALID;
}

tb_status create(const tb_host_v1 *host, tb_str config, void **out) {
    return guarded([&]() -> tb_status {
        auto p = std::make_shared<Plugin>();
        p->host = host;
        bool has_all = get(host, TB_EXT_TASK, p->tasks) && get(host, TB_EXT_HTTP, p->http) &&
                       get(host, TB_EXT_SOURCE_HOST, p->source);
        if (!has_all) return TB_E_UNSUPPORTED;
        if (config.len) {
            std::optional<Json> json = Json::parse(view(config));
            if (!json) return refuse(host, "the configuration is no JSON");
            std::string_view directory = json->text("directory");
            while (!directory.empty() && directory.back() == '/') directory.remove_suffix(1);
            if (!directory.empty() && !is_https(directory)) return refuse(host, "\"directory\" is no https address");
            if (!directory.empty()) p->directory = directory;
        }
        *out = new Shared(std::move(p));
        return TB_OK;
    });
}

// Every fetch is answered by the host, at the latest with an error; each answer settles its task.
void stop(void *) {}

void destroy(void *self) { delete static_cast<Shared *>(self); }

const void *get_extension(const char *id) { return id && std::strcmp(id, TB_EXT_SOURCE) == 0 ? &source : nullptr; }

const tb_plugin_v1 table = {
    TB_PLUGIN_MAGIC, sizeof table, TB_LIT("example.radio"), TB_LIT("1.0.0"), create, stop, destroy, get_extension,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const tb_plugin_v1 *timmybot_plugin_v1(void) { return &table; }
