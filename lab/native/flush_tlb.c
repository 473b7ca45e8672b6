/*
 * Preloaded into everything on a lab host: an emulated guest arrives with the memory that it had.
 *
 * When QEMU before 9.0 looks for what a guest has written since the last round of its migration, it clears its marks
 * and leaves the emulated CPUs' TLBs as they are. What the guest then writes to a page that is in there is marked no
 * more, and never copied: it arrives with old pages, panics, or is silent for good. QEMU has mended it in its commit
 * 03bfc2188f06; here the TLBs are emptied after each such look, while QEMU waits, before it reads the first page.
 */
#include <pthread.h>
#include <stddef.h>

#include "threads.h"

/* As QEMU 7.2 has it. */
enum { AFTER_BITMAP_SYNC = 2 };

struct notifier {
    int (*notify)(struct notifier *self, void *event);
    void *next, *previous;
};

#define QEMUS __attribute__((weak)) extern
QEMUS void precopy_add_notifier(struct notifier *notifier);
QEMUS void *qemu_get_cpu(int number);
QEMUS void run_on_cpu(void *cpu, void (*work)(void *cpu, void *data), void *data);
QEMUS void tlb_flush(void *cpu);

static void flush(void *cpu, void *unused)
{
    (void)unused;
    tlb_flush(cpu);
}

static int after_look(struct notifier *self, void *event)
{
    (void)self;
    if (*(int *)event == AFTER_BITMAP_SYNC)
        for (int number = 0; qemu_get_cpu(number); number++)
            run_on_cpu(qemu_get_cpu(number), flush, NULL);
    return 0;
}

static void begin(void)
{
    static struct notifier notifier = {.notify = after_look};
    precopy_add_notifier(&notifier);
}

void thread_migrates_out(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (precopy_add_notifier && qemu_get_cpu && run_on_cpu && tlb_flush)
        pthread_once(&once, begin);
}
