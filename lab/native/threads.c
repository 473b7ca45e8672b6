/* Preloaded into everything on a lab host: QEMU's threads are known by the names that they give themselves. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "threads.h"

int pthread_setname_np(pthread_t thread, const char *name)
{
    int number;
    if (strcmp(name, "live_migration") == 0) /* From 9.1 on it has another name, and needs nothing. */
        thread_migrates_out();
    else if (strcmp(name, "postcopy/listen") == 0 || strcmp(name, "mig/dst/listen") == 0)
        thread_receives_post_copy();
    else if (sscanf(name, "CPU %d/TCG", &number) == 1)
        thread_is_cpu(number);
    int (*real)(pthread_t, const char *) = dlsym(RTLD_NEXT, "pthread_setname_np");
    return real(thread, name);
}
