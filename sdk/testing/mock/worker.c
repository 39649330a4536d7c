// Threads that do one job after the other: the lane, the one that delivers completions, and the reader.

static struct timespec end_of(uint32_t milliseconds) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += milliseconds / 1000;
    t.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    return t;
}

static void *work(void *argument) {
    worker *w = argument;
    tb_mock *m = w->mock;
    lock(m);
    for (;;) {
        while ((!w->first || w->is_held) && !w->is_stopping) pthread_cond_wait(&m->changed, &m->lock);
        job *next = w->first;
        if (!next) break;
        w->first = next->next;
        if (!w->first) w->last = NULL;
        unlock(m);
        next->run(next->argument);
        free(next);
        lock(m);
        w->done++;
        pthread_cond_broadcast(&m->changed);
    }
    unlock(m);
    return NULL;
}

static void start(worker *w, tb_mock *m) {
    w->mock = m;
    w->is_started = pthread_create(&w->thread, NULL, work, w) == 0;
    if (!w->is_started) out_of_memory();
}

static uint64_t post_locked(worker *w, void (*run)(void *), void *argument) {
    job *next = calloc(1, sizeof *next);
    if (!next) out_of_memory();
    next->run = run, next->argument = argument;
    if (w->last) w->last->next = next;
    else w->first = next;
    w->last = next;
    pthread_cond_broadcast(&w->mock->changed);
    return ++w->posted;
}

// Whether job `number` was done in time.
static bool wait_locked(worker *w, uint64_t number) {
    struct timespec end = end_of(w->mock->patience);
    while (w->done < number)
        if (pthread_cond_timedwait(&w->mock->changed, &w->mock->lock, &end) == ETIMEDOUT) return w->done >= number;
    return true;
}

// A completion, on its way to the plugin; where the mock is eager, it has been there when this returns. The plugin may ask
// for more while it is told: that is then delivered after it.
static void deliver_locked(tb_mock *m, void (*run)(void *), void *argument) {
    uint64_t number = post_locked(&m->deliveries, run, argument);
    if (!m->is_eager || m->deliveries.is_held || pthread_equal(pthread_self(), m->deliveries.thread)) return;
    if (!wait_locked(&m->deliveries, number)) breach_locked(m, "a completion waits for the request that it answers");
}

void tb_mock_eager(tb_mock *m, bool is_eager) {
    lock(m);
    m->is_eager = is_eager;
    unlock(m);
}

// Runs a job and waits for it. `argument` must outlive a job that does not return: take it from `kept`.
static bool run_on(worker *w, void (*run)(void *), void *argument) {
    lock(w->mock);
    bool is_done = wait_locked(w, post_locked(w, run, argument));
    unlock(w->mock);
    return is_done;
}

static void join(worker *w) {
    if (w->is_started) pthread_join(w->thread, NULL);
}

void tb_mock_hold(tb_mock *m) {
    lock(m);
    m->deliveries.is_held = true;
    unlock(m);
}

void tb_mock_release(tb_mock *m) {
    lock(m);
    m->deliveries.is_held = false;
    pthread_cond_broadcast(&m->changed);
    if (!wait_locked(&m->deliveries, m->deliveries.posted)) breach_locked(m, "a completion does not return");
    unlock(m);
}

bool tb_mock_settle(tb_mock *m) {
    lock(m);
    struct timespec end = end_of(m->patience);
    bool is_idle = false;
    for (;;) {
        is_idle =
            m->lane.done == m->lane.posted && (m->deliveries.is_held || m->deliveries.done == m->deliveries.posted);
        if (is_idle || pthread_cond_timedwait(&m->changed, &m->lock, &end) == ETIMEDOUT) break;
    }
    unlock(m);
    return is_idle;
}
