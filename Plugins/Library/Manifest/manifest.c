// The manifest's JSON in an ELF section: read without running a line of the plugin.
#pragma clang diagnostic ignored "-Wc23-extensions"
__attribute__((section("timmybot_manifest"), used, retain)) static const char manifest[] = {
#embed "../manifest.json"
    , 0};
