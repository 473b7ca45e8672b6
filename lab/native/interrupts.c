/*
 * Preloaded into everything on a lab host: an emulated CPU in post-copy waits for memory without QEMU's big lock.
 *
 * To deliver an interrupt, an emulated CPU takes that lock and then reads and writes the guest's memory. When this has
 * not come yet, the CPU waits with the lock, and so does QEMU's main thread: no command of libvirt is answered, nor the
 * one that would bring a new connection after a cut. A CPU of KVM does this in the kernel, without the lock. So what an
 * interrupt needs is touched before the lock is taken.
 */
#include <stddef.h>
#include <string.h>

#include "threads.h"

/* gdb's number of the stack pointer. */
enum { STACK_POINTER = 7, PAGE = 4096 };

/* Where Linux has what the CPU reads (and the stack it begins with) when an interrupt comes: the first CPU's. */
#define ENTRY_AREA 0xfffffe0000000000ul
#define ENTRY_PAGES 7

struct bytes {
    unsigned char *data;
    unsigned length;
};
typedef void take_lock(void *mutex, const char *file, int line);

#define QEMUS __attribute__((weak)) extern
QEMUS take_lock *qemu_bql_mutex_lock_func; /* 7.2 */
QEMUS take_lock *bql_mutex_lock_func;      /* 10.0 */
QEMUS void *qemu_get_cpu(int number);
QEMUS int cpu_memory_rw_debug(void *cpu, unsigned long address, void *buffer, size_t length, int is_write);
QEMUS int x86_cpu_gdb_read_register(void *cpu, struct bytes *to, int number);
QEMUS struct bytes *g_byte_array_new(void);
QEMUS struct bytes *g_byte_array_set_size(struct bytes *array, unsigned length);

static take_lock *take;
/* Which CPU this thread is, from 1; 0: another thread. */
static __thread int cpu_number;
static __thread struct bytes *registers;

static void touch(void *cpu, unsigned long address)
{
    char byte;
    cpu_memory_rw_debug(cpu, address, &byte, 1, 0);
}

static void touch_then_take(void *mutex, const char *file, int line)
{
    void *cpu = cpu_number ? qemu_get_cpu(cpu_number - 1) : NULL;
    if (cpu) {
        if (!registers)
            registers = g_byte_array_new();
        g_byte_array_set_size(registers, 0);
        unsigned long stack;
        if (x86_cpu_gdb_read_register(cpu, registers, STACK_POINTER) == sizeof stack) {
            memcpy(&stack, registers->data, sizeof stack);
            touch(cpu, stack);
            touch(cpu, stack - 64);
        }
        for (int page = 0; page < ENTRY_PAGES; page++)
            touch(cpu, ENTRY_AREA + page * PAGE);
    }
    take(mutex, file, line);
}

void thread_is_cpu(int number)
{
    cpu_number = number + 1;
}

void thread_receives_post_copy(void)
{
    take_lock **used = &bql_mutex_lock_func ? &bql_mutex_lock_func : &qemu_bql_mutex_lock_func;
    if (take || !used || !qemu_get_cpu || !cpu_memory_rw_debug || !x86_cpu_gdb_read_register || !g_byte_array_new)
        return;
    take = *used;
    *used = touch_then_take;
}
