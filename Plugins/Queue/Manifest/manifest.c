#include <timmybot/abi.h>
TB_MANIFEST(
    "{\"id\":\"timmy.queue\",\"version\":\"1.0.0\",\"abi\":1,\"license\":\"MIT\",\"runtime\":\"swift-shared\","
    "\"name\":\"Queue\",\"text\":\"Shows and edits the queue\",\"hosts\":[]}");
