#define _GNU_SOURCE
#include "check.h"
#include <dlfcn.h>
#include <string.h>

typedef const tb_plugin_v1 *(*entry_fn)(void);

static bool same(tb_str text, const char *expected) {
    return text.ptr && text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static entry_fn entry_of(const char *file, const char *id) {
    check_at("loading the file");
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        const char *why = dlerror();
        check_fail(id, "%s", why ? why : "dlopen failed");
        return NULL;
    }
    entry_fn entry = NULL;
    void *symbol = dlsym(handle, "timmybot_plugin_v1");
    memcpy(&entry, &symbol, sizeof entry);
    if (!entry) check_fail(id, "timmybot_plugin_v1 is not exported");
    return entry;
}

static bool table_is_sound(const tb_plugin_v1 *table, const char *id, const char *version) {
    if (table->magic != TB_PLUGIN_MAGIC) {
        check_fail("L1.table", "it starts with %08x instead of the magic number", table->magic);
    } else if (table->size != sizeof *table) {
        check_fail("L1.table", "it has %u bytes instead of %zu", table->size, sizeof *table);
    } else if (!table->create || !table->stop || !table->destroy || !table->get_extension) {
        check_fail("L1.table", "create, stop, destroy and get_extension must all be there");
    } else {
        check_pass("L1.table");
        if (!same(table->id, id) || !same(table->version, version))
            check_fail("L1.identity", "id or version differ from the manifest's (%s %s)", id, version);
        else check_pass("L1.identity");
        return true;
    }
    return false;
}

const tb_plugin_v1 *check_load(const char *file) {
    entry_fn entry = entry_of(file, "L1.loads");
    if (!entry) return NULL;
    check_at("calling the entry");
    return entry();
}

int check_group_load(const char *file, const char *id, const char *version) {
    struct footprint before, after;
    footprint_take(&before);
    double start = check_now();
    entry_fn entry = entry_of(file, "L1.loads");
    if (!entry) return 0;
    check_pass("L1.loads");
    check_at("calling the entry");
    const tb_plugin_v1 *table = entry();
    double took = check_now() - start;
    footprint_take(&after);
    if (!table) {
        check_fail("L1.entry", "the entry answers NULL");
        return 0;
    }
    check_at("calling the entry again");
    if (entry() != table) check_fail("L1.entry", "the entry answers another table the second time");
    else check_pass("L1.entry");
    if (!table_is_sound(table, id, version)) return 0;
    if (took > 0.1) check_warn("L1.speed", "loading took %.0f ms", took * 1000);
    else check_pass("L1.speed");
    footprint_compare("L1.footprint", &before, &after);
    return 0;
}
