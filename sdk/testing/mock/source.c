// timmy.source.host/1, timmy.lyrics.host/1 and timmy.health.host/1.

// Whether the host takes the track; it leaves out what it does not take. Here that is a breach as well, and so is what the
// host only mends.
static bool is_track_locked(tb_mock *m, const tb_track_v1 *t) {
    bool is_good =
        is_text_locked(m, t->key, 1024, "key of a track") && is_text_locked(m, t->title, 2048, "title of a track") &&
        is_text_locked(m, t->artist, 2048, "artist of a track") &&
        is_text_locked(m, t->album, 2048, "album of a track") && is_text_locked(m, t->isrc, 64, "isrc of a track") &&
        is_text_locked(m, t->page_url, 2048, "page_url of a track") &&
        is_text_locked(m, t->artwork_url, 2048, "artwork_url of a track");
    if (!t->key.len || !t->title.len) breach_locked(m, "a track without a key or title");
    if (t->duration_ms < 0 || t->zero || t->isrc.len > 12)
        breach_locked(m, "a track with a negative duration, no ISRC, or something where zero belongs");
    return is_good && t->key.len;
}

static tb_track_v1 copied_track(tb_mock *m, const tb_track_v1 *t) {
    tb_track_v1 copy = *t;
    copy.key = copied(m, t->key), copy.title = copied(m, t->title), copy.artist = copied(m, t->artist);
    copy.album = copied(m, t->album), copy.isrc = copied(m, t->isrc);
    copy.page_url = copied(m, t->page_url), copy.artwork_url = copied(m, t->artwork_url);
    return copy;
}

static tb_track_v1 *copied_tracks(tb_mock *m, const tb_track_v1 *tracks, size_t count) {
    tb_track_v1 *copy = kept(m, count * sizeof *copy);
    for (size_t i = 0; i < count; i++) copy[i] = copied_track(m, tracks + i);
    return copy;
}

static tb_status source_resolved(const tb_host_v1 *host, tb_task task, const tb_track_v1 *tracks, size_t count) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_RESOLVED, &status);
    if (e && ((count && !tracks) || count > 1000)) status = TB_E_INVALID;
    if (e && status == TB_OK) {
        tb_track_v1 *copy = kept(m, count * sizeof *copy);
        for (size_t i = 0; i < count; i++)
            if (is_track_locked(m, tracks + i)) copy[e->result.track_count++] = copied_track(m, tracks + i);
        e->result.tracks = copy;
        settled_locked(e, TB_MOCK_RESOLVED);
    }
    unlock(m);
    return status;
}

static bool is_media_locked(tb_mock *m, const tb_media_v1 *media) {
    if (!media) return false;
    bool has_reader = media->kind >= TB_MEDIA_BYTES && media->kind <= TB_MEDIA_OPUS_PACKETS;
    if (media->kind < TB_MEDIA_URL || media->kind > TB_MEDIA_PIPE) breach_locked(m, "media of an unknown kind");
    else if (has_reader && (!media->reader.read || !media->reader.interrupt || !media->reader.close))
        breach_locked(m, "a reader without read, interrupt or close");
    else if (media->kind == TB_MEDIA_URL && !media->url.len) breach_locked(m, "media without a url");
    else if (media->header_count > 64 || (media->header_count && !media->headers))
        breach_locked(m, "media whose headers are none");
    else if (media->kind == TB_MEDIA_PIPE && (media->handle == 0 || media->handle > m->pipes.count))
        breach_locked(m, "media with a pipe that is none");
    else
        return is_text_locked(m, media->url, 4096, "url of media") &&
               is_text_locked(m, media->mime, 256, "mime of media");
    return false;
}

static tb_header_v1 *copied_headers(tb_mock *m, const tb_header_v1 *headers, size_t count) {
    tb_header_v1 *copy = kept(m, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = (tb_header_v1){ copied(m, headers[i].name), copied(m, headers[i].value) };
    return copy;
}

static tb_status source_opened(const tb_host_v1 *host, tb_task task, const tb_media_v1 *media) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_OPENED, &status);
    if (e && !is_media_locked(m, media)) status = TB_E_INVALID;
    if (e && status == TB_OK) {
        tb_media_v1 *copy = &e->result.media;
        *copy = *media;
        copy->url = copied(m, media->url), copy->mime = copied(m, media->mime);
        copy->headers = copied_headers(m, media->headers, media->header_count);
        PUSH(m->media, copy);
        settled_locked(e, TB_MOCK_OPENED);
    }
    unlock(m);
    return status;
}

static tb_status source_artwork(const tb_host_v1 *host, tb_task task, tb_str mime, const uint8_t *bytes, size_t count) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_ARTWORK, &status);
    if (e && (!bytes || !count || count > (4u << 20) || !(tb_is(mime, "image/png") || tb_is(mime, "image/jpeg")))) {
        breach_locked(m, "a picture that is no PNG or JPEG of up to 4 MiB");
        status = TB_E_INVALID;
    } else if (e) {
        e->result.mime = copied(m, mime);
        e->result.bytes = copied_bytes(m, (tb_bytes){ bytes, count });
        settled_locked(e, TB_MOCK_ARTWORK);
    }
    unlock(m);
    return status;
}

static const tb_host_source_v1 source_table = { source_resolved, source_opened, source_artwork };

static tb_status lyrics_found(const tb_host_v1 *host, tb_task task, const tb_lyrics_found_v1 *found) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_LYRICS, &status);
    if (e && (!found || found->count > 1000 || (found->count && !found->lines))) status = TB_E_INVALID;
    for (size_t i = 0; e && status == TB_OK && i < found->count; i++)
        if (!is_text_locked(m, found->lines[i].text, 4096, "line of lyrics")) status = TB_E_INVALID;
    if (e && status == TB_OK) {
        tb_lyric_line_v1 *lines = kept(m, found->count * sizeof *lines);
        for (size_t i = 0; i < found->count; i++)
            lines[i] = (tb_lyric_line_v1){ found->lines[i].at_ms, copied(m, found->lines[i].text) };
        e->result.lyrics =
            (tb_lyrics_found_v1){ lines, found->count, copied(m, found->credit), copied(m, found->page_url) };
        settled_locked(e, TB_MOCK_LYRICS);
    }
    unlock(m);
    return status;
}

static const tb_host_lyrics_v1 lyrics_table = { lyrics_found };

static tb_status health_healthy(const tb_host_v1 *host, tb_task task, tb_str note) {
    tb_mock *m = mock_of(host);
    lock(m);
    tb_status status;
    entry *e = settling_locked(m, task, TB_MOCK_HEALTHY, &status);
    if (e && !is_text_locked(m, note, 200, "note of a health check")) status = TB_E_INVALID;
    else if (e) {
        e->result.note = copied(m, note);
        settled_locked(e, TB_MOCK_HEALTHY);
    }
    unlock(m);
    return status;
}

static const tb_host_health_v1 health_table = { health_healthy };
