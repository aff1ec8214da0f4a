/* The session contract on a real Redis: over TCP, with a password and a database of its own, and over a
 * socket. */
#include <stdio.h>
#include <string.h>

#include "contract/redis_world.h"

static int run(const char *const *arguments, const char *form)
{
    static struct redis_world w;
    char url[512];
    memset(&w, 0, sizeof(w));
    w.server_count = 1;
    redis_server_prepare(&w.servers[0], arguments);
    redis_server_start(&w.servers[0]);
    if (strstr(form, "%d"))
        snprintf(url, sizeof(url), "redis://127.0.0.1:%d", w.servers[0].port);
    else
        snprintf(url, sizeof(url), "unix://%s/s?db=3", w.servers[0].folder);
    w.url = url;
    struct session_factory factory = redis_world_open(&w);
    int failed = session_contract(&factory);
    redis_world_close(&w);
    return failed;
}

int main(void)
{
    int failed = run(NULL, "redis://127.0.0.1:%d");
    failed += run(NULL, "unix://%s/s?db=3");
    return failed != 0;
}
