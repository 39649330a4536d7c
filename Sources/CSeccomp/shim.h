// Swift's view of libseccomp. Its actions and its variadic call are macros; these are their twins.
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <seccomp.h>

static inline scmp_filter_ctx tb_seccomp_deny_by_default(void) { return seccomp_init(SCMP_ACT_ERRNO(EPERM)); }
static inline int tb_seccomp_allow(scmp_filter_ctx context, const char *name) {
    int call = seccomp_syscall_resolve_name(name);
    return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(context, SCMP_ACT_ALLOW, call, 0, NULL);
}
// Allowed only where (argument & mask) == value.
static inline int tb_seccomp_allow_masked(
    scmp_filter_ctx context, const char *name, unsigned int argument, uint64_t mask, uint64_t value) {
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR) return 0;
    struct scmp_arg_cmp rule = {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
    return seccomp_rule_add_array(context, SCMP_ACT_ALLOW, call, 1, &rule);
}
// Fails as if the kernel did not have the call.
static inline int tb_seccomp_absent(scmp_filter_ctx context, const char *name) {
    int call = seccomp_syscall_resolve_name(name);
    return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(context, SCMP_ACT_ERRNO(ENOSYS), call, 0, NULL);
}
