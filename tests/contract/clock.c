/* clock: a library to be preloaded into redis-server: the time of day stands still at the number of
 * microseconds that the file named by TEST_CLOCK holds, until whoever has it mapped writes another. So what
 * expires, and when, is the test's to say. The monotonic clock, by which the server turns its loop, is left
 * alone. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *us;

__attribute__((constructor)) static void open_clock(void)
{
    const char *path = getenv("TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*us), PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    us = map;
    close(fd);
}

/* The parameters bear the names of the header. */
int gettimeofday(struct timeval *restrict __tv, void *restrict __tz)
{
    int64_t now = atomic_load(us);
    (void)__tz;
    *__tv = (struct timeval){.tv_sec = now / 1000000, .tv_usec = now % 1000000};
    return 0;
}

time_t time(time_t *__timer)
{
    time_t now = atomic_load(us) / 1000000;
    if (__timer)
        *__timer = now;
    return now;
}
