/* wire: what a connection can do to its socket. http_socket.c implements it while HTTP is spoken,
 * websocket.c, over libwebsockets, after the upgrade; tests fake it. */
#ifndef LASTWORD_EDGE_WIRE_H
#define LASTWORD_EDGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

struct wire {
    /* Hands bytes to the socket as they are. What the kernel does not take is kept by the wire (at most `len`
     * bytes), and connection_writable follows when that is gone. False: the socket is dead. */
    bool (*send)(struct connection *c, void *bytes, size_t len);
    /* The wire still keeps bytes: do not send. */
    bool (*busy)(const struct connection *c);
    /* Closes the socket at once; ends in connection_gone. Not from within a connection_x function. */
    void (*kill)(struct connection *c);

    /* ---- WebSocket only */

    /* The wire is closing the WebSocket by itself, for what the peer has sent: nothing may be sent any more.
     */
    bool (*closing)(const struct connection *c);
    /* connection_writable is to be called from the loop. */
    void (*want_write)(struct connection *c);
    /* Bytes the peer has acknowledged so far: changes whenever it takes some. */
    uint64_t (*taken)(const struct connection *c);

    /* ---- HTTP only */

    /* Stops or resumes reading from the socket. */
    void (*pause)(struct connection *c, bool paused);
    /* Has the peer closed or vanished? For connections that are not read at the moment. */
    bool (*peer_gone)(const struct connection *c);
    /* Nothing will be sent any more: the peer is told (FIN) once the rest is out. */
    void (*finish)(struct connection *c);
    /* Reads and throws away; true when the peer has closed too. Only after finish. */
    bool (*drained)(struct connection *c);
    /* c is UPGRADING: hands its socket, with c->input, to the wire of WebSockets. */
    void (*upgrade)(struct connection *c);
};

#endif
