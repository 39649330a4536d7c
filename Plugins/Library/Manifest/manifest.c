#include <timmybot/abi.h>
TB_MANIFEST(
    "{\"id\":\"timmy.library\",\"version\":\"1.0.0\",\"abi\":1,\"license\":\"MIT\",\"runtime\":\"swift-shared\","
    "\"name\":\"Library\",\"text\":\"Plays the files of a folder on this machine\",\"source\":{\"patterns\":[\"library:\"]},"
    "\"hosts\":[]}");
