// timmy.http/1 and timmy.account/1, from scripted answers.

void tb_mock_http(tb_mock *m, const char *url, const tb_mock_answer *answer) {
    lock(m);
    size_t length = strlen(url);
    bool is_prefix = length && url[length - 1] == '*';
    script s = { copied(m, (tb_str){ url, length - is_prefix }), is_prefix, false, *answer };
    s.answer.headers = copied_headers(m, answer->headers, answer->header_count);
    s.answer.body = copied(m, answer->body);
    s.answer.url = copied(m, answer->url);
    PUSH(m->scripts, s);
    unlock(m);
}

static const tb_mock_answer *answer_locked(tb_mock *m, tb_str url) {
    script *last = NULL;
    for (size_t i = 0; i < m->scripts.count; i++) {
        script *s = m->scripts.items + i;
        bool fits =
            s->is_prefix ? url.len >= s->url.len && memcmp(url.ptr, s->url.ptr, s->url.len) == 0 : same(url, s->url);
        if (!fits) continue;
        last = s;
        if (!s->is_used) break;
    }
    if (last) last->is_used = true;
    return last ? &last->answer : NULL;
}

typedef struct http_delivery {
    tb_http_done done;
    void *context;
    tb_http_response_v1 response;
    tb_error_v1 error;
} http_delivery;

static void deliver_http(void *argument) {
    http_delivery *d = argument;
    d->done(d->context, &d->response);
}

static bool is_request_locked(tb_mock *m, const tb_http_request_v1 *r) {
    if (!r || !is_text_locked(m, r->url, 4096, "url of a request") ||
        !is_text_locked(m, r->method, 16, "method of a request"))
        return false;
    bool is_http = r->url.len > 8 && (memcmp(r->url.ptr, "https://", 8) == 0 || memcmp(r->url.ptr, "http://", 7) == 0);
    bool is_good = is_http && r->header_count <= 64 && (!r->header_count || r->headers) && r->body.len <= (1u << 20) &&
                   r->timeout_ms <= 60000;
    for (size_t i = 0; is_good && i < r->header_count; i++)
        is_good = is_text_locked(m, r->headers[i].name, 256, "name of a header") && r->headers[i].name.len &&
                  is_text_locked(m, r->headers[i].value, 8192, "value of a header");
    if (!is_good) breach_locked(m, "a request that timmy.http/1 does not take");
    return is_good;
}

static void fail_delivery(tb_mock *m, http_delivery *d, tb_status code, const char *detail) {
    d->error = (tb_error_v1){ .code = code, .user_text = { "", 0 }, .detail = copied(m, text_of(detail)) };
    d->response.error = &d->error;
}

static tb_status request(const tb_host_v1 *host, const tb_http_request_v1 *r, tb_http_done done, void *context,
                         bool is_stream) {
    tb_mock *m = mock_of(host);
    lock(m);
    if (!done || !is_request_locked(m, r)) {
        unlock(m);
        return TB_E_INVALID;
    }
    tb_http_request_v1 *copy = kept(m, sizeof *copy);
    *copy = *r;
    copy->method = copied(m, r->method.len ? r->method : text_of("GET"));
    copy->url = copied(m, r->url);
    copy->headers = copied_headers(m, r->headers, r->header_count);
    copy->body = copied_bytes(m, r->body);
    PUSH(m->requests, copy);

    http_delivery *d = kept(m, sizeof *d);
    d->done = done, d->context = context;
    d->response.url = copy->url;
    const tb_mock_answer *a = answer_locked(m, copy->url);
    uint64_t limit = r->limit ? r->limit : 4u << 20;
    if (!a) fail_delivery(m, d, TB_E_IO, "the mock has no answer for this address");
    else if (a->error != TB_OK) fail_delivery(m, d, a->error, "scripted");
    else if (!is_stream && a->body.len > limit) fail_delivery(m, d, TB_E_IO, "the body is longer than the limit");
    else {
        d->response.status = a->status;
        d->response.headers = a->headers, d->response.header_count = a->header_count;
        if (a->url.len) d->response.url = a->url;
        if (is_stream) {
            stream *s = kept(m, sizeof *s);
            *s = (stream){ a->body, 0, a->chunk, false };
            PUSH(m->streams, s);
            d->response.stream = m->streams.count;
        } else {
            d->response.body = (tb_bytes){ (const uint8_t *)a->body.ptr, a->body.len };
        }
    }
    deliver_locked(m, deliver_http, d);
    unlock(m);
    return TB_OK;
}

static tb_status http_fetch(const tb_host_v1 *host, const tb_http_request_v1 *r, tb_http_done done, void *context) {
    return request(host, r, done, context, false);
}

static tb_status http_stream(const tb_host_v1 *host, const tb_http_request_v1 *r, tb_http_done done, void *context) {
    return request(host, r, done, context, true);
}

static int64_t http_read(const tb_host_v1 *host, uint64_t number, uint8_t *buffer, size_t capacity) {
    tb_mock *m = mock_of(host);
    lock(m);
    stream *s = number && number <= m->streams.count ? m->streams.items[number - 1] : NULL;
    int64_t count = !s ? TB_E_INVALID : s->is_closed ? TB_E_CANCELLED : 0;
    if (s && !s->is_closed) {
        size_t rest = s->body.len - s->at;
        if (rest > capacity) rest = capacity;
        if (s->chunk && rest > s->chunk) rest = s->chunk;
        if (rest) memcpy(buffer, s->body.ptr + s->at, rest);
        s->at += rest;
        count = (int64_t)rest;
    }
    unlock(m);
    return count;
}

static void http_close(const tb_host_v1 *host, uint64_t number) {
    tb_mock *m = mock_of(host);
    lock(m);
    if (number && number <= m->streams.count) m->streams.items[number - 1]->is_closed = true;
    unlock(m);
}

static const tb_host_http_v1 http_table = { http_fetch, http_stream, http_read, http_close };

size_t tb_mock_http_count(tb_mock *m) {
    lock(m);
    size_t count = m->requests.count;
    unlock(m);
    return count;
}

const tb_http_request_v1 *tb_mock_http_request(tb_mock *m, size_t index) {
    lock(m);
    const tb_http_request_v1 *r = index < m->requests.count ? m->requests.items[index] : NULL;
    unlock(m);
    return r;
}

void tb_mock_account(tb_mock *m, const char *flow, uint64_t user, uint64_t account, const char *scopes) {
    lock(m);
    pair p = { copied(m, text_of(flow)), copied(m, text_of(scopes)), user, account, 0, 0 };
    PUSH(m->accounts, p);
    unlock(m);
}

typedef struct account_delivery {
    tb_account_done done;
    void *context;
    tb_account_result_v1 result;
    tb_error_v1 error;
} account_delivery;

static void deliver_account(void *argument) {
    account_delivery *d = argument;
    d->done(d->context, &d->result);
}

static tb_status account_account(const tb_host_v1 *host, tb_str flow, uint64_t user, tb_account_done done,
                                 void *context) {
    tb_mock *m = mock_of(host);
    if (!done) return TB_E_INVALID;
    lock(m);
    account_delivery *d = kept(m, sizeof *d);
    d->done = done, d->context = context;
    d->error = (tb_error_v1){ .code = TB_E_AUTH,
                              .user_text = text_of("Link your account first, with /link."),
                              .detail = { "", 0 } };
    d->result.error = &d->error;
    for (size_t i = 0; i < m->accounts.count; i++) {
        const pair *p = m->accounts.items + i;
        if (same(p->key, flow) && p->number == user) d->result = (tb_account_result_v1){ NULL, p->handle, p->value };
    }
    deliver_locked(m, deliver_account, d);
    unlock(m);
    return TB_OK;
}

static const tb_host_account_v1 account_table = { account_account };
