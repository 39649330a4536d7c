// A plugin of a future major: it has another entry, and nothing that this host knows. With -DSAYS_ABI1 its manifest claims
// otherwise.
#ifdef SAYS_ABI1
#define ABI "1"
#else
#define ABI "2"
#endif

__attribute__((section("timmybot_manifest"), used, retain)) static const char manifest[] =
    "{\"id\":\"test.abi2\",\"version\":\"1.0.0\",\"abi\":" ABI "}";

struct tb_plugin_v2 {
    unsigned long long magic;
};
static const struct tb_plugin_v2 table = { 0x3250424d54ull };

__attribute__((visibility("default"))) const struct tb_plugin_v2 *timmybot_plugin_v2(void) { return &table; }
