// Calls of commands, autocomplete, components and modals.
//
// A typed handler is an ordinary C function whose parameters are known only at run time. The host uses libffi for it; the
// mock needs none: on x86-64 (System V) and aarch64 (AAPCS64) whole numbers and pointers on the one hand and doubles on the
// other go into registers of their own, each in order, so all of the former followed by up to eight of the latter arrive
// as the handler expects them, however they were mixed.
#if !defined(__x86_64__) && !defined(__aarch64__)
#error "tb_mock calls typed handlers on x86-64 and aarch64 only"
#endif

void tb_mock_caller(tb_mock *m, const tb_invocation_v1 *invocation) {
    lock(m);
    m->caller = *invocation;
    m->caller.locale = copied(m, invocation->locale);
    unlock(m);
}

static tb_invocation_v1 *lent_invocation(tb_mock *m, const char *command) {
    tb_invocation_v1 *i = lent_bytes(&m->caller, sizeof m->caller);
    i->command = lent(text_of(command));
    i->locale = lent(m->caller.locale);
    return i;
}

static const tb_command_v1 *command_named(const tb_mock *m, const char *name) {
    for (size_t i = 0; m->commands && i < m->commands->count; i++)
        if (tb_is(m->commands->items[i].name, name)) return m->commands->items + i;
    return NULL;
}

typedef struct arguments {
    uint64_t whole[25];
    double real[8];
    size_t whole_count, real_count;
} arguments;

static bool arrange(const call *c, arguments *a) {
    for (size_t i = 0; i < c->count; i++) {
        const tb_value_v1 *v = c->values + i;
        bool is_optional = v->type & TB_T_OPT;
        int32_t type = v->type & ~TB_T_OPT;
        if (type == TB_T_NUM && !is_optional) {
            if (a->real_count == 8) return false;
            a->real[a->real_count++] = v->f;
            continue;
        }
        const void *pointer = !v->present ? NULL : type == TB_T_STR ? (const void *)&v->s : type == TB_T_NUM ? (const void *)&v->f : (const void *)&v->i;
        a->whole[a->whole_count++] = type == TB_T_STR || is_optional ? (uint64_t)(uintptr_t)pointer : (uint64_t)v->i;
    }
    return true;
}

#if defined(__clang__)
__attribute__((no_sanitize("function")))
#endif
static tb_status run_typed(call *c) {
    typedef tb_status (*typed)(void *, tb_task, const tb_invocation_v1 *, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                               uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                               uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                               uint64_t, uint64_t, double, double, double, double, double, double, double, double);
    arguments a = { .whole_count = 0 };
    if (!arrange(c, &a)) return TB_E_UNSUPPORTED;
    const uint64_t *w = a.whole;
    const double *r = a.real;
    return ((typed)c->command->handler)(
        c->mock->self, c->task, c->invocation, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11],
        w[12], w[13], w[14], w[15], w[16], w[17], w[18], w[19], w[20], w[21], w[22], w[23], w[24], r[0], r[1], r[2], r[3],
        r[4], r[5], r[6], r[7]);
}

static tb_status run_command(call *c) {
    if (!c->command) return TB_E_NOT_FOUND;
    if (c->command->handler) return run_typed(c);
    if (!c->command->invoke) return TB_E_UNSUPPORTED;
    return c->command->invoke(c->mock->self, c->task, c->invocation, c->values, c->count);
}

static tb_value_v1 value_of(const tb_param_v1 *p, const tb_mock_option *options, size_t count) {
    tb_value_v1 value = { .type = p->type };
    for (size_t i = 0; i < count; i++) {
        if (!tb_is(p->name, options[i].name)) continue;
        value.present = 1;
        value.i = options[i].integer;
        value.f = options[i].number;
        if (p->type == TB_T_STR) value.s = lent(text_of(options[i].text));
    }
    return value;
}

tb_task tb_mock_command(tb_mock *m, const char *name, const tb_mock_option *options, size_t count) {
    call *c = new_call(m, TB_MOCK_SENT, run_command);
    c->command = command_named(m, name);
    c->invocation = lent_invocation(m, name);
    if (c->command && c->command->param_count <= 25) {
        c->count = c->command->param_count;
        tb_value_v1 values[25];
        for (size_t i = 0; i < c->count; i++) values[i] = value_of(c->command->params + i, options, count);
        c->values = lent_bytes(values, c->count * sizeof *values);
    }
    return perform(c);
}

static tb_status run_autocomplete(call *c) {
    const tb_commands_v1 *commands = c->mock->commands;
    if (!commands || !commands->autocomplete) return TB_E_UNSUPPORTED;
    return commands->autocomplete(c->mock->self, c->task, c->invocation, c->text, c->text2);
}

tb_task tb_mock_autocomplete(tb_mock *m, const char *command, const char *option, const char *text) {
    call *c = new_call(m, TB_MOCK_CHOICES, run_autocomplete);
    c->invocation = lent_invocation(m, command);
    c->text = lent(text_of(option)), c->text2 = lent(text_of(text));
    return perform(c);
}

static tb_status run_component(call *c) {
    const tb_commands_v1 *commands = c->mock->commands;
    if (!commands || !commands->component) return TB_E_UNSUPPORTED;
    return commands->component(c->mock->self, c->task, c->invocation, c->strings, c->count);
}

tb_task tb_mock_component(tb_mock *m, const char *custom_id, const char *const *values, size_t count) {
    call *c = new_call(m, TB_MOCK_SENT, run_component);
    c->invocation = lent_invocation(m, custom_id);
    tb_str strings[25];
    c->count = count < 25 ? count : 25;
    for (size_t i = 0; i < c->count; i++) strings[i] = lent(text_of(values[i]));
    c->strings = lent_bytes(strings, c->count * sizeof *strings);
    return perform(c);
}

static tb_status run_modal(call *c) {
    const tb_commands_v1 *commands = c->mock->commands;
    if (!commands || !commands->modal) return TB_E_UNSUPPORTED;
    return commands->modal(c->mock->self, c->task, c->invocation, c->fields, c->count);
}

tb_task tb_mock_modal(tb_mock *m, const char *custom_id, const tb_mock_option *given, size_t count) {
    call *c = new_call(m, TB_MOCK_SENT, run_modal);
    c->invocation = lent_invocation(m, custom_id);
    tb_field_v1 fields[5];
    c->count = count < 5 ? count : 5;  // Discord's limit
    for (size_t i = 0; i < c->count; i++) fields[i] = (tb_field_v1){ lent(text_of(given[i].name)), lent(text_of(given[i].text)) };
    c->fields = lent_bytes(fields, c->count * sizeof *fields);
    return perform(c);
}
