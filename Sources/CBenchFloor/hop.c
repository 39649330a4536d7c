// The floor of an asynchronous call: one thread hands a command to another one and sleeps until it is done.
#include "CBenchFloor.h"
#include <pthread.h>
#include <stdlib.h>

struct tb_hop {
    pthread_mutex_t lock;
    pthread_cond_t posted, settled;
    pthread_t thread;
    int has_job, is_settled, is_closed;
    size_t done;
};

static void *work(void *context) {
    tb_hop *hop = context;
    pthread_mutex_lock(&hop->lock);
    for (;;) {
        while (!hop->has_job && !hop->is_closed) pthread_cond_wait(&hop->posted, &hop->lock);
        if (hop->is_closed) break;
        hop->has_job = 0;
        pthread_mutex_unlock(&hop->lock);
        int32_t status = tb_bench_command(hop, hop->done, hop, hop, 7, 0.5);
        pthread_mutex_lock(&hop->lock);
        hop->done += status == 0;
        hop->is_settled = 1;
        // Without the lock, so that whoever wakes up does not have to wait for it at once.
        pthread_mutex_unlock(&hop->lock);
        pthread_cond_signal(&hop->settled);
        pthread_mutex_lock(&hop->lock);
    }
    pthread_mutex_unlock(&hop->lock);
    return NULL;
}

tb_hop *tb_hop_new(void) {
    tb_hop *hop = calloc(1, sizeof *hop);
    if (!hop) return NULL;
    pthread_mutex_init(&hop->lock, NULL);
    pthread_cond_init(&hop->posted, NULL);
    pthread_cond_init(&hop->settled, NULL);
    if (pthread_create(&hop->thread, NULL, work, hop) == 0) return hop;
    free(hop);
    return NULL;
}

void tb_hop_free(tb_hop *hop) {
    pthread_mutex_lock(&hop->lock);
    hop->is_closed = 1;
    pthread_cond_signal(&hop->posted);
    pthread_mutex_unlock(&hop->lock);
    pthread_join(hop->thread, NULL);
    free(hop);
}

int64_t tb_hop_run(tb_hop *hop, size_t calls) {
    int64_t start = tb_now();
    for (size_t i = 0; i < calls; i++) {
        pthread_mutex_lock(&hop->lock);
        hop->has_job = 1;
        hop->is_settled = 0;
        pthread_mutex_unlock(&hop->lock);
        pthread_cond_signal(&hop->posted);
        pthread_mutex_lock(&hop->lock);
        while (!hop->is_settled) pthread_cond_wait(&hop->settled, &hop->lock);
        pthread_mutex_unlock(&hop->lock);
    }
    return tb_now() - start;
}
