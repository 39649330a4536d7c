// The mock host as one translation unit: `cc ... tb_mock.c -pthread`. Its parts are in mock/.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mock/internal.h"

#include "mock/base.c"
#include "mock/worker.c"
#include "mock/tasks.c"
#include "mock/source.c"
#include "mock/reply.c"
#include "mock/http.c"
#include "mock/state.c"
#include "mock/clock.c"
#include "mock/player.c"
#include "mock/pipe.c"
#include "mock/life.c"
#include "mock/calls.c"
#include "mock/commands.c"
#include "mock/reader.c"
