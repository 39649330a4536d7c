// manifest.json in an ELF section: read without running a line of the plugin. A plugin that is not self-contained says so.
#pragma clang diagnostic ignored "-Wc23-extensions"
__attribute__((section("timmybot_manifest"), used, retain)) static const char manifest[] = {
#ifdef TIMMYBOT_SELF_CONTAINED
#embed "../manifest.json"
#else
    '{', '"', 'r', 'u', 'n', 't', 'i', 'm', 'e', '"', ':', '"', 's', 'w', 'i', 'f', 't', '-', 's', 'h', 'a', 'r', 'e',
    'd', '"', ',',
#embed "../manifest.json" clang::offset(1)
#endif
    , 0};
