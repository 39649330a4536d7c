#include "CAudioRing.h"
