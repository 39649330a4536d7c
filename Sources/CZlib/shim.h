// Swift's view of zlib.h (Debian's own header).
#pragma once
#include <zlib.h>
