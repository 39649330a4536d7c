// Swift's view of ffi.h (Debian's own header).
#pragma once
#include <ffi.h>
