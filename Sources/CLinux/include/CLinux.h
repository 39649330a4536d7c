// System calls that Swift cannot import: variadic ones and those that glibc hides behind _GNU_SOURCE.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// memfd of fixed `size`, sealed against growing and shrinking, close-on-exec. -1 with errno where it fails.
int tb_sealed_memfd(const char *name, size_t size);
