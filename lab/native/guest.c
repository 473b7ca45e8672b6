/*
 * The whole user space of a lab guest: PID 1 of an initramfs with nothing else in it.
 *
 * It sends a numbered UDP datagram on a timer, so that a test hears from outside whether the guest runs and how long
 * it did not; it rewrites memory and disk at rates set by time, not by CPU; it powers off `obeys` seconds after the
 * button was pressed. Where the initramfs has a guest agent, it starts that, and is the /sbin/shutdown that it runs.
 * Everything is set on the kernel command line as kvmweb.KEY=VALUE (see lab/guests.py).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define WORK_NS 20000000l
#define AGENT "/usr/sbin/qemu-ga"
/* As lab/network.py has it. */
#define NOBODY "\x02\0\0\0\0\x01"

static char command_line[4096];
static unsigned char *memory;
static size_t memory_bytes;
static volatile unsigned long long pages_written;

/* The value of kvmweb.KEY, or fallback. The result lives until the guest ends. */
static const char *setting(const char *key, const char *fallback)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "kvmweb.%s=", key);
    const char *found = strstr(command_line, wanted);
    if (!found)
        return fallback;
    found += strlen(wanted);
    return strndup(found, strcspn(found, " \n"));
}

static unsigned long number(const char *key)
{
    return strtoul(setting(key, "0"), NULL, 10);
}

static uint64_t noise(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void sleep_until(int64_t moment)
{
    struct timespec time = {moment / 1000000000ll, moment % 1000000000ll};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static void load_modules(void)
{
    struct dirent **names;
    int count = scandir("/modules", &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[300];
        snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0 && names[i]->d_name[0] != '.' && syscall(SYS_finit_module, file, "", 0) != 0)
            perror(path);
        if (file >= 0)
            close(file);
    }
}

static void set_link(int sock, const char *name, const char *address, int bits)
{
    struct ifreq request = {0};
    struct sockaddr_in *where = (struct sockaddr_in *)&request.ifr_addr;
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    where->sin_family = AF_INET;
    inet_pton(AF_INET, address, &where->sin_addr);
    if (ioctl(sock, SIOCSIFADDR, &request) != 0)
        perror("address");
    where->sin_addr.s_addr = htonl(bits ? ~0u << (32 - bits) : 0);
    if (ioctl(sock, SIOCSIFNETMASK, &request) != 0)
        perror("netmask");
    ioctl(sock, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    if (ioctl(sock, SIOCSIFFLAGS, &request) != 0)
        perror("up");
}

/*
 * Ticks go to a link address that nobody has: whoever listens hears them, and nobody asks or answers. A guest that gets
 * packets is another one: QEMU writes them into its memory, and waits for that when it has not come in post-copy.
 */
static void set_nobody(int sock, const char *name)
{
    struct arpreq request = {.arp_flags = ATF_PERM | ATF_COM, .arp_ha.sa_family = ARPHRD_ETHER};
    struct sockaddr_in *where = (struct sockaddr_in *)&request.arp_pa;
    char *ticks = strdup(setting("ticks", ""));
    char *colon = strchr(ticks, ':');
    if (!colon)
        return;
    *colon = 0;
    where->sin_family = AF_INET;
    inet_pton(AF_INET, ticks, &where->sin_addr);
    memcpy(request.arp_ha.sa_data, NOBODY, sizeof NOBODY - 1);
    strncpy(request.arp_dev, name, sizeof request.arp_dev - 1);
    if (ioctl(sock, SIOCSARP, &request) != 0)
        perror("nobody");
}

static void set_network(void)
{
    char *address = strdup(setting("address", ""));
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_link(sock, "lo", "127.0.0.1", 8);
    char *slash = strchr(address, '/');
    if (slash) {
        *slash = 0;
        set_link(sock, "eth0", address, atoi(slash + 1));
        set_nobody(sock, "eth0");
    }
    close(sock);
}

/* Every `tick` ms: "kvmweb-tick NAME BOOT SEQUENCE MONOTONIC_NS PAGES_WRITTEN". A late timer skips, it does not catch up. */
static void *send_ticks(void *unused)
{
    char *where = strdup(setting("ticks", ""));
    char *colon = strchr(where, ':');
    if (!colon)
        return unused;
    *colon = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    inet_pton(AF_INET, where, &to.sin_addr);
    uint64_t boot = 0;
    if (getrandom(&boot, sizeof boot, GRND_NONBLOCK) != sizeof boot)
        boot = time(NULL) * 1000003ull + now_ns();
    const char *name = setting("name", "guest");
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int64_t interval = number("tick") * 1000000l;
    int64_t next = now_ns();
    for (uint64_t sequence = 0;; sequence++) {
        char text[200];
        int length = snprintf(text, sizeof text, "kvmweb-tick %s %016llx %llu %lld %llu", name,
                              (unsigned long long)boot, (unsigned long long)sequence, (long long)now_ns(),
                              pages_written);
        sendto(sock, text, length, 0, (struct sockaddr *)&to, sizeof to);
        next += interval;
        if (next < now_ns())
            next = now_ns() + interval;
        sleep_until(next);
    }
}

/*
 * Rewrites the start of as many pages per 20 ms as the rate asks for, round and round the hot set; all of each page with
 * `whole`, which leaves nothing to a compression that sends what has changed within a page. With a `period` the
 * rate is `dirty` and `calm` in turn, by the guest's clock. What a guest that is held up cannot do within a second is
 * never done: pages_written tells.
 */
static void *dirty_memory(void *unused)
{
    uint64_t state = 88172645463325252ull;
    size_t pages = memory_bytes / PAGE;
    size_t hot = number("hot") * 256;
    double rates[] = {number("dirty") / 4, number("calm") / 4};
    int64_t period = number("period") * 1000000000ll;
    int words_each = number("whole") ? PAGE / 8 : 16;
    if (!hot || hot > pages)
        hot = pages;
    if (!hot || !rates[0])
        return unused;
    int64_t last = now_ns();
    double due = 0;
    for (size_t page = 0;; sleep_until(now_ns() + WORK_NS)) {
        int64_t now = now_ns();
        double rate = rates[period ? now / period % 2 : 0];
        due += rate * (now - last) / 1e9;
        if (due > rate)
            due = rate;
        last = now;
        for (; due >= 1; due--, pages_written++, page = (page + 1) % hot) {
            uint64_t *words = (uint64_t *)(memory + page * PAGE);
            for (int i = 0; i < words_each; i++)
                words[i] = noise(&state);
        }
    }
}

static void write_noise(int disk, unsigned char *block, size_t bytes, off_t where, uint64_t *state)
{
    for (size_t i = 0; i < bytes / 8; i++)
        ((uint64_t *)block)[i] = noise(state);
    if (pwrite(disk, block, bytes, where) < 0)
        perror("disk");
}

/* Fills the disk's first disk_fill MiB once, then rewrites disk KiB of them (at least 1 MiB) per second. */
static void *write_disk(void *unused)
{
    uint64_t state = 2685821657736338717ull;
    size_t fill = number("disk_fill") << 20;
    size_t rate = number("disk") << 10;
    int disk = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
    unsigned char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (disk < 0 || block == MAP_FAILED)
        return unused;
    for (size_t where = 0; where < fill; where += 1 << 20)
        write_noise(disk, block, 1 << 20, where, &state);
    size_t area = fill ? fill : 1 << 20;
    size_t step = rate / 10 / PAGE * PAGE;
    if (step > 1 << 20)
        step = 1 << 20;
    if (!step)
        return unused;
    for (size_t where = 0;; where = where + 2 * step <= area ? where + step : 0) {
        write_noise(disk, block, step, where, &state);
        sleep_until(now_ns() + 100000000ll);
    }
}

static void fill_memory(void)
{
    uint64_t state = (uint64_t)now_ns() | 1;
    memory_bytes = number("fill") << 20;
    if (!memory_bytes)
        return;
    memory = mmap(NULL, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        memory_bytes = 0;
        return;
    }
    for (size_t i = 0; i < memory_bytes / 8; i++)
        ((uint64_t *)memory)[i] = noise(&state);
}

/* Waits for the power button, which is what "shutdown" presses, and obeys. The keyboard has such a key too: watch all. */
static void wait_for_button(void)
{
    struct pollfd inputs[16];
    int count = 0;
    for (int i = 0; i < 16; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/input/event%d", i);
        int input = open(path, O_RDONLY | O_CLOEXEC);
        if (input >= 0)
            inputs[count++] = (struct pollfd){.fd = input, .events = POLLIN};
    }
    for (;;) {
        poll(inputs, count, -1);
        for (int i = 0; i < count; i++) {
            struct input_event event;
            if (!inputs[i].revents || read(inputs[i].fd, &event, sizeof event) != sizeof event)
                continue;
            if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) {
                puts("power button: off");
                sync();
                sleep_until(now_ns() + number("obeys") * 1000000000ll);
                reboot(RB_POWER_OFF);
            }
        }
    }
}

/* Of the agent's channel. A system with udev has a link with this name. */
static int is_agents_port(const char *port)
{
    char path[300], name[64] = "";
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", port);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = read(file, name, sizeof name - 1);
    close(file);
    return length > 0 && strncmp(name, "org.qemu.guest_agent.0", 22) == 0;
}

static void *start_agent(void *unused)
{
    if (access(AGENT, X_OK) != 0)
        return unused;
    for (;; sleep_until(now_ns() + 100000000l)) {
        struct dirent **names;
        int count = scandir("/sys/class/virtio-ports", &names, NULL, alphasort);
        for (int i = 0; i < count; i++) {
            if (!is_agents_port(names[i]->d_name))
                continue;
            char path[300];
            snprintf(path, sizeof path, "--path=/dev/%s", names[i]->d_name);
            if (fork() == 0) {
                execl(AGENT, AGENT, path, NULL);
                _exit(1);
            }
            return unused;
        }
    }
}

/* Run by the agent: as /sbin/shutdown, or by a test, that it hangs or ends. */
static int told_by_agent(int count, char **words)
{
    if (strstr(words[0], "shutdown")) {
        sync();
        return reboot(RB_POWER_OFF);
    }
    if (count != 2)
        return 1;
    return kill(getppid(), strcmp(words[1], "hang") == 0 ? SIGSTOP : SIGKILL);
}

int main(int count, char **words)
{
    if (getpid() != 1)
        return told_by_agent(count, words);
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, "");
    mount("sysfs", "/sys", "sysfs", 0, "");
    mount("devtmpfs", "/dev", "devtmpfs", 0, "");
    int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, command_line, sizeof command_line - 1) < 0)
        perror("command line");
    load_modules();
    set_network();
    pthread_t thread;
    pthread_create(&thread, NULL, send_ticks, NULL);
    pthread_create(&thread, NULL, start_agent, NULL);
    fill_memory();
    pthread_create(&thread, NULL, dirty_memory, NULL);
    pthread_create(&thread, NULL, write_disk, NULL);
    printf("guest %s is up\n", setting("name", "?"));
    fflush(stdout);
    wait_for_button();
}
