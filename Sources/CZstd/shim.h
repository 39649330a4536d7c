// Swift's view of zstd.h (Debian's own header).
#pragma once
#include <zstd.h>
