/* The load client: N connections in one epoll loop, one stream on each, counted and timed.
 *
 *   load.c        options, the loop, when each stream starts, commands on stdin
 *   load_talk.c   the three protocols: the gateway's, the floor's, plain SSE
 *   load_text.c   what one piece of text holds: bytes, time stamps, checksum
 *   load_stat.c   counters and latency distributions, and the report as one JSON line
 *
 * It refuses to judge: it counts what came and reports what was wrong. */
#ifndef LASTWORD_BENCH_LOAD_H
#define LASTWORD_BENCH_LOAD_H

#include "wire.h"

enum target { TARGET_GATEWAY, TARGET_FLOOR, TARGET_DIRECT };

struct options {
    enum target target;
    uint16_t port;
    size_t conns;
    unsigned ramp_ms;    /* the starts are spread over this time */
    bool stamp;          /* tokens are 16 digits of microseconds and a space (model richierich-clock) */
    bool verify;         /* hold every delta's off and crc against one's own */
    bool once;           /* one answer per connection instead of one after the other */
    unsigned token_size; /* bytes of a token, to count them by */
    const char *body;    /* floor, direct: the JSON request */
    const char *model;   /* gateway */
    const char *token;   /* gateway: credential, or NULL */
};
extern struct options opt;

/* --- load_stat.c ---------------------------------------------------------------------------- */

struct hist {
    uint64_t n, max;
    uint32_t slot[64 * 32]; /* 32 steps for each power of two: 3 % */
};
void hist_add(struct hist *h, uint64_t ns);

struct stat {
    uint64_t since_ns, bytes, frames, reads, answers, errors;
    struct hist token, first;
};
extern struct stat stat_now;

void stat_reset(void);

/* Prints the report with the number of streams that run now. */
void stat_report(size_t running);

/* Counts an error and prints the first few. */
void stat_error(const char *what, const char *detail, size_t len);

/* --- load_talk.c ---------------------------------------------------------------------------- */

enum step { CONNECTING, UPGRADING, WELCOMING, IDLE, RUNNING, CLOSED };

struct conn {
    int fd;
    enum step step;
    size_t nth;
    char *in; /* owned: a frame cut by the end of a read */
    size_t in_len;
    struct http_in http; /* direct */
    uint64_t asked_ns;
    bool first_seen;
    size_t off, acked; /* gateway: bytes of the running answer */
    uint32_t crc;
    char gen[37];
};

/* The socket is connected: says what opens the protocol. */
void talk_open(struct conn *c);
/* Starts an answer on an idle connection. */
void talk_ask(struct conn *c);
/* The socket is readable. */
void talk_read(struct conn *c);

/* load.c: c became idle (opened, or its answer ended), or was lost. */
void load_idle(struct conn *c, bool done);
void load_lost(struct conn *c);

/* --- load_text.c ---------------------------------------------------------------------------- */

/* Counts the JSON string that starts at p (behind its opening quote), of at most n bytes, as text
 * received at time at. Returns its length in bytes of UTF-8; *crc is carried on if opt.verify. */
size_t text_take(const char *p, size_t n, uint64_t at, uint32_t *crc);

#endif
