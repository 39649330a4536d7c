#define _GNU_SOURCE
#include "CBreadcrumb.h"
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { NAME = 64, IMAGES = 512, SCANNED = 512, SIGNAL_STACK = 64 << 10 };

struct crumb {
    volatile sig_atomic_t active;
    char plugin[NAME], call[NAME];
};
static _Thread_local struct crumb crumb;

static void copy(char to[NAME], const char *from) {
    size_t used = 0;
    for (; from && from[used] && used + 1 < NAME; used++) to[used] = from[used] > ' ' ? from[used] : '_';
    to[used] = 0;
}

void tb_crumb_enter(const char *plugin, const char *call) {
    crumb.active = 0;
    atomic_signal_fence(memory_order_seq_cst);
    copy(crumb.plugin, plugin);
    copy(crumb.call, call);
    atomic_signal_fence(memory_order_seq_cst);
    crumb.active = 1;
}

void tb_crumb_detail(const char *call) {
    if (crumb.active) copy(crumb.call, call);
}

void tb_crumb_leave(void) { crumb.active = 0; }

// Where the code of each image lies. Rows are only ever added, and counted after they are whole.
struct image {
    uintptr_t from, to;
    char plugin[NAME];
};
static struct image images[IMAGES];
static atomic_size_t image_count;
static pthread_mutex_t images_lock = PTHREAD_MUTEX_INITIALIZER;

struct wanted {
    const char *plugin, *path;
    bool found;
};

static int look(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    struct wanted *wanted = context;
    if (!info->dlpi_name || strcmp(info->dlpi_name, wanted->path) != 0) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = info->dlpi_phdr + i;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        uintptr_t from = info->dlpi_addr + part->p_vaddr;
        size_t count = atomic_load(&image_count);
        for (size_t k = 0; k < count; k++)
            if (images[k].from == from) wanted->found = true;  // loaded a second time: the same code
        if (wanted->found || count == IMAGES) continue;
        images[count].from = from;
        images[count].to = from + part->p_memsz;
        copy(images[count].plugin, wanted->plugin);
        atomic_store(&image_count, count + 1);
        wanted->found = true;
    }
    return 1;
}

bool tb_crumb_image(const char *plugin, const char *path) {
    struct wanted wanted = { plugin, path, false };
    pthread_mutex_lock(&images_lock);
    dl_iterate_phdr(look, &wanted);
    pthread_mutex_unlock(&images_lock);
    return wanted.found;
}

static const char *owner(uintptr_t code) {
    size_t count = atomic_load(&image_count);
    for (size_t i = 0; i < count; i++)
        if (code >= images[i].from && code < images[i].to) return images[i].plugin;
    return NULL;
}

void *tb_crumb_stack_open(void) {
    void *memory = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    stack_t stack = { .ss_sp = memory, .ss_size = SIGNAL_STACK };
    if (sigaltstack(&stack, NULL) == 0) return memory;
    munmap(memory, SIGNAL_STACK);
    return NULL;
}

void tb_crumb_stack_close(void *memory) {
    if (!memory) return;
    stack_t none = { .ss_flags = SS_DISABLE };
    sigaltstack(&none, NULL);
    munmap(memory, SIGNAL_STACK);
}

// MARK: The handler

static int report = -1;
static atomic_int reporter;  // thread that tells of its crash; 0 for none

static size_t put(char *line, size_t used, size_t room, const char *text) {
    for (; *text && used < room; text++) line[used++] = *text;
    return used;
}

static size_t put_number(char *line, size_t used, size_t room, uint64_t number) {
    char digits[24];
    size_t place = sizeof digits - 1;
    digits[place] = 0;
    do {
        digits[--place] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return put(line, used, room, digits + place);
}

static const char *name_of(int number) {
    switch (number) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    case SIGABRT: return "SIGABRT";
    case SIGTRAP: return "SIGTRAP";
    default: return "SIGNAL";
    }
}

static void registers(void *context, uintptr_t *code, uintptr_t *stack) {
    const ucontext_t *machine = context;
#if defined(__x86_64__)
    *code = (uintptr_t)machine->uc_mcontext.gregs[REG_RIP];
    *stack = (uintptr_t)machine->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    *code = machine->uc_mcontext.pc;
    *stack = machine->uc_mcontext.sp;
#else
#error "name this machine's program counter and stack pointer"
#endif
}

// The nearest return address into a plugin. The kernel copies the stack, so that its end is no second fault.
static const char *on_stack(uintptr_t stack) {
    uintptr_t words[SCANNED];
    struct iovec local = { words, sizeof words }, remote = { (void *)(stack & ~(uintptr_t)7), sizeof words };
    ssize_t count = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    for (ssize_t i = 0; i < count / (ssize_t)sizeof *words; i++) {
        const char *plugin = owner(words[i]);
        if (plugin) return plugin;
    }
    return NULL;
}

static void tell(int number, void *context) {
    const char *how = "lane", *plugin = NULL, *call = NULL;
    if (crumb.active) {
        plugin = crumb.plugin;
        call = crumb.call;
    } else {
        uintptr_t code = 0, stack = 0;
        registers(context, &code, &stack);
        if ((plugin = owner(code))) how = "code";
        else if ((plugin = on_stack(stack))) how = "stack";
        else how = "none";
    }
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    char line[256];
    size_t room = sizeof line - 1, used = put(line, 0, room, "1 ");
    used = put_number(line, used, room, (uint64_t)now.tv_sec);
    const char *words[] = { name_of(number), how, plugin ? plugin : "-", call && *call ? call : "-" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        used = put(line, used, room, " ");
        used = put(line, used, room, words[i]);
    }
    line[used++] = '\n';
    for (size_t sent = 0; sent < used;) {
        ssize_t count = write(report, line + sent, used - sent);
        if (count <= 0) break;
        sent += (size_t)count;
    }
}

static void handle(int number, siginfo_t *info, void *context) {
    int nobody = 0, me = (int)gettid();
    if (atomic_compare_exchange_strong(&reporter, &nobody, me)) {
        bool from_outside = info->si_code <= 0 && info->si_pid != getpid();
        if (!from_outside) tell(number, context);
    } else if (nobody != me) {
        for (;;) pause();  // another thread is telling of its own crash and ends the process
    }
    struct sigaction usual = { .sa_handler = SIG_DFL };
    sigaction(number, &usual, NULL);
    raise(number);  // pending until this handler returns
}

int tb_crumb_install(int descriptor) {
    report = descriptor;
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigemptyset(&action.sa_mask);
    const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP };
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (sigaction(fatal[i], &action, NULL) != 0) return -1;
    return 0;
}

bool tb_crumb_die_with_parent(int signal, int parent) {
    return prctl(PR_SET_PDEATHSIG, signal) == 0 && getppid() == parent;
}
