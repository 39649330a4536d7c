// Swift's view of sodium.h (Debian's own header).
#pragma once
#include <sodium.h>
