#define _GNU_SOURCE
#include "CTestSupport.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

int ts_pipe(int pair[2]) { return pipe2(pair, O_CLOEXEC); }

static int place(posix_spawn_file_actions_t *actions, int descriptor, int as) {
    if (descriptor < 0) return posix_spawn_file_actions_addopen(actions, as, "/dev/null", O_RDWR, 0);
    return posix_spawn_file_actions_adddup2(actions, descriptor, as);
}

int ts_spawn(pid_t *pid, char *const *arguments, char *const *environment, int input, int output, int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    int error = place(&actions, input, 0);
    if (!error) error = place(&actions, output, 1);
    if (!error) error = place(&actions, errors, 2);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!error) error = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int ts_signal_thread(pid_t process, pid_t thread, int number) {
    return (int)syscall(SYS_tgkill, process, thread, number);
}
