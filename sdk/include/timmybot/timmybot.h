// Every interface of the TimmyBot plugin ABI.
#pragma once
#include "abi.h"
#include "commands.h"
#include "log.h"
#include "player.h"
#include "probe.h"
#include "reply.h"
#include "source.h"
#include "task.h"
