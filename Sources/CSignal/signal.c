#include "CSignal.h"

#include <math.h>

// Blocks in single precision, which the compiler can run several at a time, and their sums in double.
enum { BLOCK = 512 };

double tb_pearson(const float *a, const float *b, size_t count) {
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (size_t start = 0; start < count; start += BLOCK) {
        size_t end = start + BLOCK < count ? start + BLOCK : count;
        float ta = 0, tb = 0, taa = 0, tbb = 0, tab = 0;
        for (size_t i = start; i < end; i++) {
            ta += a[i];
            tb += b[i];
            taa += a[i] * a[i];
            tbb += b[i] * b[i];
            tab += a[i] * b[i];
        }
        sa += ta, sb += tb, saa += taa, sbb += tbb, sab += tab;
    }
    double n = (double)count;
    double spread = (saa - sa * sa / n) * (sbb - sb * sb / n);
    return spread > 1e-12 ? (sab - sa * sb / n) / sqrt(spread) : 0;
}
