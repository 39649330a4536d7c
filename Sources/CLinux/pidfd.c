#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int tb_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0u); }

int tb_pidfd_signal(int pidfd, int number) { return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0u); }

int tb_pidfd_reap(int pidfd, int *exit_status, int *signal_number) {
    siginfo_t info;
    int status;
    do status = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED);
    while (status != 0 && errno == EINTR);
    *exit_status = status == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
    *signal_number = status == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
    return status;
}
