// Swift's view of opus/opus.h (Debian's own header).
#pragma once
#include <opus/opus.h>
