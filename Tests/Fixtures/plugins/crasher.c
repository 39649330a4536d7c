// crasher CRASHFILE MODE FAULTS.SO: installs the handler and ends as MODE says.
#define _GNU_SOURCE
#include <CBreadcrumb.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int forever = 1;
static int recurse(int depth) {
    volatile char block[4096];
    block[0] = (char)depth;
    return forever ? recurse(depth + 1) + block[0] : 0;
}

static void *overflow(void *unused) {
    (void)unused;
    tb_crumb_stack_open();
    tb_crumb_enter("test.deep", "resolve");
    recurse(0);
    return NULL;
}

static void *other(void *call) {
    ((void (*)(void))call)();
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 4) return 64;
    const char *mode = arguments[2];
    int file = open(arguments[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || tb_crumb_install(file) != 0) return 65;
    void *plugin = dlopen(arguments[3], RTLD_NOW | RTLD_LOCAL);
    if (!plugin || !tb_crumb_image("test.faults", arguments[3]) || !tb_crumb_image("test.faults", arguments[3])) return 66;
    if (tb_crumb_image("test.faults", "/nonexistent.so")) return 67;
    pthread_t thread;
    if (strncmp(mode, "raise-", 6) == 0) {
        tb_crumb_enter("test.lane", "command");
        tb_crumb_detail("/boom now");  // a blank in a name may not break the line
        raise(atoi(mode + 6));
    } else if (strcmp(mode, "null") == 0) {
        tb_crumb_enter("test.lane", "open");
        *(volatile int *)8 = 1;
    } else if (strcmp(mode, "left") == 0) {
        tb_crumb_enter("test.lane", "open");
        tb_crumb_leave();
        tb_crumb_detail("late");
        abort();
    } else if (strcmp(mode, "overflow") == 0) {
        pthread_create(&thread, NULL, overflow, NULL);
        pthread_join(thread, NULL);
    } else if (strcmp(mode, "code") == 0 || strcmp(mode, "below") == 0) {
        void *call = dlsym(plugin, mode[0] == 'c' ? "fault_in_code" : "fault_below");
        pthread_create(&thread, NULL, other, call);
        pthread_join(thread, NULL);
    } else if (strcmp(mode, "wait") == 0) {
        tb_crumb_enter("test.lane", "open");
        puts("ready");
        fflush(stdout);
        for (;;) pause();
    }
    return 0;
}
