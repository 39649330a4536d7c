// Swift's view of libseccomp. Its actions and its variadic call are macros; these are their twins.
#pragma once
#include <errno.h>
#include <stddef.h>
#include <seccomp.h>

static inline scmp_filter_ctx tb_seccomp_deny_by_default(void) { return seccomp_init(SCMP_ACT_ERRNO(EPERM)); }
static inline int tb_seccomp_allow(scmp_filter_ctx context, const char *name) {
    int call = seccomp_syscall_resolve_name(name);
    return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(context, SCMP_ACT_ALLOW, call, 0, NULL);
}
