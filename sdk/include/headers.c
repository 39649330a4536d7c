#include "timmybot/timmybot.h"
