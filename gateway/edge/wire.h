/* wire: what a connection can do to its socket. websocket.c implements it over libwebsockets; tests fake it.
 */
#ifndef LASTWORD_EDGE_WIRE_H
#define LASTWORD_EDGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

#define WIRE_HEADER_MAX 16384 /* a whole request head; one header is never longer */

struct wire {
    /* Hands bytes to the socket as they are. What the kernel does not take is kept by the wire (at most `len`
     * bytes), and connection_writable follows when that is gone. False: the socket is dead. */
    bool (*send)(struct connection *c, void *bytes, size_t len);
    /* The wire still keeps bytes: do not send. */
    bool (*busy)(const struct connection *c);
    /* The wire is closing the WebSocket by itself, for what the peer has sent: nothing may be sent any more.
     */
    bool (*closing)(const struct connection *c);
    /* connection_writable is to be called from the loop. */
    void (*want_write)(struct connection *c);
    /* Stops or resumes reading from the socket. */
    void (*pause)(struct connection *c, bool paused);
    /* Has the wire read a part of a further request behind the one in hand (pipelining)? Not from within a
     * call of the wire that handed the request over: only after it does the wire know. */
    bool (*read_on)(struct connection *c);
    /* The request is answered, all is sent: reads on, to another request. False: it cannot, or has read a
     * part of the next already (pipelining, which it does badly). */
    bool (*next_request)(struct connection *c);
    /* Nothing will be sent any more: the peer is told (FIN), reading goes on. */
    void (*finish)(struct connection *c);
    /* Reads and throws away; true when the peer has closed too. Only after finish. */
    bool (*drained)(struct connection *c);
    /* Has the peer closed, vanished, or gone on talking while an answer is stuck? For connections that are
     * not read at the moment. */
    bool (*peer_gone)(const struct connection *c);
    /* Bytes the peer has acknowledged so far: changes whenever it takes some. */
    uint64_t (*taken)(const struct connection *c);
    /* A header of the request in hand, by lower-case name; false: absent or longer than size - 1. */
    bool (*header)(const struct connection *c, const char *name, char *out, size_t size);
    /* Copies a header of the head, several of one name joined by commas, without space at its end; one that
     * does not fit becomes "?". How often it came. Only names that head.c asks for. ":version" is "HTTP/1.1".
     */
    unsigned (*copy_header)(const struct connection *c, const char *name, char *out, size_t size);
    /* Ends it without a word; connection_gone is called before this returns or soon after. Never from within
     * a connection_x function. */
    void (*kill)(struct connection *c);
};

#endif
