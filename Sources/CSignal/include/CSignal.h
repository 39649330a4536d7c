// Arithmetic on samples that is too slow in an unoptimised build.
#pragma once
#include <stddef.h>

// Pearson's coefficient of two runs of `count` samples; 0 where one of them is constant.
double tb_pearson(const float *a, const float *b, size_t count);
