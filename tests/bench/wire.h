/* What the benchmark programs share: sockets, the WebSocket and HTTP framing, a clock.
 *
 *   socket bytes --http_feed--> body --sse_feed--> one call per "data:" event
 *   socket bytes --ws_next----> one WebSocket frame at a time
 *
 * It refuses to be a library: no TLS, no fragments put together, no extension. What it does not
 * understand it reports as an error, and the caller drops the connection. */
#ifndef LASTWORD_BENCH_WIRE_H
#define LASTWORD_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds: the clock in which the mock's richierich-clock tells the time. */
uint64_t now_ns(void);

/* Raises the soft limit of open files to the hard one; returns what is allowed now. */
size_t raise_fds(void);

/* A non-blocking listening or connecting TCP socket on 127.0.0.1 with TCP_NODELAY, or -1.
 * nth picks the source address 127.0.0.(2 + nth / 20000), for more connections than one address has
 * ports; below 20,000 the kernel chooses. */
int tcp_listen(uint16_t port);
int tcp_connect(uint16_t port, size_t nth);
void tcp_nodelay(int fd);

/* --- WebSocket ------------------------------------------------------------------------------- */

enum { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10, WS_HEAD_MAX = 14, WS_ACCEPT_SIZE = 29 };

struct ws_frame {
    unsigned op;
    char *payload; /* points into the buffer read from, unmasked in place */
    size_t len;
    size_t whole; /* header and payload: by how much to advance */
};

/* The next frame of p[0..n). 1: filled; 0: not all here yet; -1: not a frame we take (fragmented, or
 * over 16 MiB). */
int ws_next(char *p, size_t n, struct ws_frame *frame);

/* Writes the header of an unmasked final frame to out (at most WS_HEAD_MAX bytes); its length. */
size_t ws_head(unsigned char *out, unsigned op, size_t len);

/* Writes a masked final frame (client to server) to out, which has len + WS_HEAD_MAX bytes; its length. */
size_t ws_masked(char *out, unsigned op, const char *payload, size_t len);

/* The Sec-WebSocket-Accept of a key, NUL-terminated. */
void ws_accept(const char *key, size_t key_len, char out[WS_ACCEPT_SIZE]);

/* --- Server-sent events, and the HTTP/1.1 answer that carries them ----------------------------- */

/* One event's data, borrowed for the call. */
typedef void (*event_fn)(void *arg, char *data, size_t len);

struct sse_in {
    char *carry; /* owned: a line cut by the end of a read */
    size_t len, room;
};
void sse_feed(struct sse_in *in, char *p, size_t n, event_fn on_event, void *arg);
void sse_free(struct sse_in *in);

enum http_phase { HTTP_HEAD, HTTP_SIZE, HTTP_DATA, HTTP_DATA_END, HTTP_TRAILER };

struct http_in {
    enum http_phase phase;
    size_t left;     /* bytes left of this chunk */
    unsigned digits; /* hex digits of the size seen, or bytes of the line */
    bool ext;        /* inside a chunk extension */
    size_t head_len;
    char head[1024]; /* the head of the answer, cut at its end */
    struct sse_in sse;
};

/* Feeds what a read brought. 1: the answer has ended (the next may begin); 0: more to come; -1: not a
 * 200 with chunked coding. */
int http_feed(struct http_in *in, char *p, size_t n, event_fn on_event, void *arg);

/* Ready for the next answer on a kept connection; keeps its buffers. */
void http_again(struct http_in *in);

/* A POST with this JSON body, written to out; its length, or 0 if it does not fit. */
size_t http_post(char *out, size_t room, const char *path, const char *body, size_t body_len);

#endif
