#include <timmybot/abi.h>
TB_MANIFEST(
    "{\"id\":\"timmy.playback\",\"version\":\"1.0.0\",\"abi\":1,\"license\":\"MIT\",\"runtime\":\"swift-shared\","
    "\"name\":\"Playback\",\"text\":\"Play, pause, seek, volume and the now-playing card\",\"hosts\":[]}");
