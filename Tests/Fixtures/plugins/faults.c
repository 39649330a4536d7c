// A shared object that does not survive being called.
#include <stdlib.h>

__attribute__((visibility("default"))) void fault_in_code(void) { *(volatile int *)8 = 1; }

__attribute__((visibility("default"), noinline)) void fault_below(void) {
    volatile char room[256];
    room[0] = 1;
    abort();
}
