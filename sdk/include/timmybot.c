#include "timmybot/abi.h"
