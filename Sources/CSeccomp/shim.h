// Swift's view of seccomp.h (Debian's own header).
#pragma once
#include <seccomp.h>
