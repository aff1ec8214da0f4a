"""Bad input in great numbers: what must not spin, thousands that say nothing, no descriptors left, and mutations. Each
test ends with the gateway serving others, as in test_wire_bad.py."""

import concurrent.futures
import json
import random
import resource
import socket
import time

from raw import TEXT, Raw, frame, until, upgrade_request
from wire import uuid7
from witness import CHAT, JSON, POST, ask_once, gw, request  # noqa: F401


# -------------------------------------------------------------------- nothing may spin


def test_odd_connections_cost_no_processor(gateway, tmp_path):
    """Sockets in every odd state at once: half closed, pipelining, full, silent; the loop must sleep."""
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text("x")
    (page / "big.js").write_bytes(b"x" * (24 << 20))
    gw = gateway(page={"dir": str(page)}, limits={"hello_ms": 60000, "header_ms": 60000})
    body = json.dumps({"model": "richierich-slow", "stream": True,
                       "messages": [{"role": "user", "content": "go on"}]}).encode()
    post = request(POST, JSON, f"Content-Length: {len(body)}", body=body)
    odd = []

    def add(data, *more, small=False, half=False):
        c = Raw(gw.port)
        if small:
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.send(data)
        if more:
            assert c.more()
            for piece in more:
                c.send(piece)
        if half:
            c.s.shutdown(socket.SHUT_WR)
        odd.append(c)
        return c

    add(post + request())
    add(post, request() * 10)
    add(post, b"junk")
    add(request("GET /big.js HTTP/1.1"), small=True)
    add(request("GET /big.js HTTP/1.1") + request(), small=True)
    add(request("GET /big.js HTTP/1.1"), request(), small=True)
    add(request("GET /livez HTTP/1.1"), request()[:-2])
    add(request()[:20])
    add(request(POST, JSON, "Content-Length: 100", body=b"half"))
    add(upgrade_request().encode() + frame(TEXT, b'{"type":"hello"}')[:-3])
    add(upgrade_request().encode() + frame(TEXT, b'{"type":"hello"}'), frame(TEXT, b"x", fin=False))
    time.sleep(1)  # what had to be done is done: now it is the standstill that is measured

    def cpu():
        fields = open(f"/proc/{gw.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    begin = cpu()
    time.sleep(1)
    used = cpu() - begin
    for c in odd:
        c.close()
    assert used < 0.4, f"{used} s of processor in a second"
    ask_once(gw.ws)


# -------------------------------------------------------------------- very many


def open_many(n, make):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda _: make(), range(n)))


def test_three_thousand_without_hello(gateway):
    gw = gateway(limits={"hello_ms": 4000}, log={"level": "info"})
    idle = open_many(3000, lambda: Raw(gw.port, timeout=60).open())
    ask_once(gw.ws)
    codes = [c.close_code() for c in idle]
    assert codes == [4506] * 3000
    for c in idle:
        c.close()
    until(lambda: gw.metric("lastword_connections") <= 1)
    ask_once(gw.ws)


def test_three_thousand_without_a_word(gateway):
    gw = gateway(limits={"header_ms": 4000}, log={"level": "info"})
    idle = open_many(3000, lambda: Raw(gw.port, timeout=60))
    ask_once(gw.ws)
    assert [c.answer().status for c in idle] == [408] * 3000
    for c in idle:
        c.close()
    until(lambda: gw.metric("lastword_connections") <= 1)
    ask_once(gw.ws)


def test_more_connections_than_the_limit(gateway):
    gw = gateway(limits={"connections": 20})
    held = [Raw(gw.port).open().hello() for _ in range(20)]
    for _ in range(5):
        with Raw(gw.port) as c:
            c.upgrade()
            answer = c.answer()
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
            assert answer.code() == "RATE_LIMITED"
        with Raw(gw.port) as c:
            c.send(request())
            assert c.answer().status == 503
    silent = [Raw(gw.port) for _ in range(100)]  # beyond politeness: told so at once
    told = 0
    for c in silent[70:]:
        c.closed()
        told += c.have.startswith(b"HTTP/1.1 503")
    assert told >= 20
    for c in silent + held[10:]:
        c.close()
    until(lambda: gw.get("/livez").status_code == 200)  # /metrics, too, is refused while there are too many
    until(lambda: gw.metric("lastword_connections") < 15)
    ask_once(gw.ws)
    held[0].text({"type": "cancel", "gen": uuid7()})
    assert held[0].message()["code"] == "NOT_FOUND"


def test_out_of_descriptors(gateway):
    gw = gateway(limits={"header_ms": 30000})
    witness = Raw(gw.port).open().hello()
    used = int(gw.get("/metrics") is not None) + len(list((__import__("pathlib").Path(f"/proc/{gw.pid}/fd")).iterdir()))
    resource.prlimit(gw.pid, resource.RLIMIT_NOFILE, (used + 40, used + 40))
    crowd = [Raw(gw.port) for _ in range(200)]
    # Upstreams and the database still get theirs.
    witness.text({"type": "send", "gen": uuid7(), "chat": uuid7(), "input": "x", "model": "richierich-echo"})
    while (m := witness.message())["type"] != "done":
        assert m["type"] != "error", m
    assert m["state"] == "complete"
    turned_away = 0
    for c in crowd[100:]:
        c.closed()
        turned_away += c.have.startswith(b"HTTP/1.1 503")
    assert turned_away > 80
    for c in crowd:
        c.close()
    until(lambda: gw.metric("lastword_connections") <= 3)
    assert gw.metric("lastword_connections_refused_total", reason="descriptors") > 80
    assert len([e for e in gw.log() if e["event"] == "listener.refused"]) <= 3
    ask_once(gw.ws)
    witness.close()


def mutated(rng, seeds):
    bits = [b"\r\n", b"\n", b"%", b"%00", b"/../", b"//", b"?", b"&", b";", b":", b" ", b"\x00", b"\xff",
            b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n", b"Content-Length: 7\r\n", b"GET / HTTP/1.1\r\n",
            b"Transfer-Encoding: chunked\r\n", b"X: " + b"y" * 3000 + b"\r\n", b"0\r\n\r\n"]
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
        at, kind = rng.randrange(len(data) + 1), rng.randrange(5)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.choice(bits)
        elif kind == 2:
            del data[at : at + rng.randrange(1, 20)]
        elif kind == 3:
            other = rng.randrange(len(data) + 1)
            data[at:at] = data[min(at, other) : max(at, other)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 10))
    return bytes(data)


def test_mutated_requests(gw):
    """Good requests bent at random, cut at random, one or several to a connection: each is answered or ended, and a good
    one meanwhile does not wait."""
    rng = random.Random(5)
    chunked = b"%x\r\n" % len(CHAT) + CHAT + b"\r\n0\r\n\r\n"
    seeds = [request(), request("GET /v1/conversations?search=a%20b&limit=5 HTTP/1.1", "Authorization: Bearer x"),
             request(POST, JSON, f"Content-Length: {len(CHAT)}", body=CHAT),
             request(POST, JSON, "Transfer-Encoding: chunked", body=chunked),
             upgrade_request().encode() + frame(TEXT, b'{"type":"hello"}'),
             request("PATCH /v1/conversations/x HTTP/1.1", JSON, "Content-Length: 2", body=b"{}"),
             request("HEAD / HTTP/1.1", "If-None-Match: x"), request("PUT /x HTTP/1.1", "Content-Length: 3", body=b"abc")]
    for round in range(600):
        c = Raw(gw.port)
        try:
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                data = mutated(rng, seeds)
                while data:
                    n = rng.choice([len(data), len(data), 1, 5, 50])
                    c.send(data[:n])
                    data = data[n:]
        except OSError:
            pass
        (c.reset if rng.random() < 0.3 else c.close)()
        if round % 50 == 0:
            begin = time.monotonic()
            assert gw.get("/livez").status_code == 200
            assert time.monotonic() - begin < 2
    until(lambda: gw.metric("lastword_connections") <= 2)
