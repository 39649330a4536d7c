#define _GNU_SOURCE
#include "CLinux.h"
#include <fcntl.h>
#include <unistd.h>

int tb_pipe(int pair[2]) { return pipe2(pair, O_CLOEXEC); }
