/*
 * Preloaded into everything on a lab host: QEMU finds no io_uring and falls back to what it used before.
 *
 * With io_uring, a file lock that QEMU asks for is often interrupted in the kernel; GlusterFS up to 11 deadlocks when
 * the interrupt meets the answer (its issue 4371), and every user of the volume then hangs for good.
 */
#include <errno.h>

int io_uring_queue_init(unsigned entries, void *ring, unsigned flags);
int io_uring_queue_init_params(unsigned entries, void *ring, void *params);

int io_uring_queue_init(unsigned entries, void *ring, unsigned flags)
{
    (void)entries, (void)ring, (void)flags;
    return -ENOSYS;
}

int io_uring_queue_init_params(unsigned entries, void *ring, void *params)
{
    (void)entries, (void)ring, (void)params;
    return -ENOSYS;
}
