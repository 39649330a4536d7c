#define _GNU_SOURCE
#include "check.h"
#include "behaviour.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

// A plugin under test must not fill the disk with its core, nor outlive whoever checks it.
static void confine(void) {
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

int main(int count, char **arguments) {
    if (count < 8 || fcntl(3, F_GETFD) < 0) {
        fputs("timmybot-check is started by `timmybot plugin check`; it has no use of its own\n", stderr);
        return 64;
    }
    confine();
    const char *group = arguments[1], *file = arguments[2];
    struct subject subject = {
        .file = file,
        .id = arguments[3],
        .seed = strtoull(arguments[5], NULL, 10),
        .rounds = (unsigned)strtoul(arguments[6], NULL, 10),
        .fuzz_seconds = strtod(arguments[7], NULL),
        .config = count > 8 ? arguments[8] : "{}",
        .inputs = (const char *const *)arguments + 9,
        .input_count = count > 9 ? (size_t)count - 9 : 0,
    };
    if (strcmp(group, "load") == 0) check_group_load(file, arguments[3], arguments[4]);
    else if (strcmp(group, "tables") == 0) check_group_tables(file);
    else if (strcmp(group, "extensions") == 0) check_group_extensions(&subject);
    else if (strcmp(group, "lifetime") == 0) check_group_lifetime(&subject);
    else if (strcmp(group, "match") == 0) check_group_match(&subject);
    else if (strcmp(group, "settling") == 0) check_group_settling(&subject);
    else if (strcmp(group, "reader") == 0) check_group_reader(&subject);
    else if (strcmp(group, "fuzz") == 0) check_group_fuzz(&subject);
    else return 64;
    // Without the plugin's own exit handlers: what they do is no matter of these checks.
    _exit(0);
}
