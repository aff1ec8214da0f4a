"""PROXY v2 on our own port: who must send it, who may not, what the gateway makes of it; a real HAProxy in front."""

import json
import signal
import socket
import struct
import subprocess
import time

import pytest
from raw import Raw, until, upgrade_request
from wire import Client, Stream, crc32c, run, uuid7

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UNSPEC, TCP4, TCP6, UDP4 = 0x00, 0x11, 0x21, 0x12
LOOPBACK = {"proxy": ["127.0.0.0/8"]}
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def header(command=PROXY, family=TCP4, source="203.0.113.7", port=40000, tlvs=b"", length=None):
    body = b""
    if family == TCP4:
        body = socket.inet_aton(source) + socket.inet_aton("10.0.0.1") + struct.pack("!HH", port, 8080)
    if family == TCP6:
        body = socket.inet_pton(socket.AF_INET6, source) + bytes(16) + struct.pack("!HH", port, 8080)
    body += tlvs
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body) if length is None else length) + body


def checked(command=PROXY, family=TCP4, **more):
    """With the checksum as its last TLV."""
    bare = header(command, family, tlvs=b"\x03\0\x04\0\0\0\0", **more)
    return bare[:-4] + struct.pack("!I", crc32c(bare))


def peers(gw, event="http.request"):
    return [e["peer"] for e in gw.log() if e["event"] == event]


def refused(gw):
    """Asked over a connection that is in order."""
    with Raw(gw.port) as c:
        c.send(header(LOCAL, UNSPEC) + b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        for line in c.answer().body.decode().splitlines():
            if line.startswith('lastword_connections_refused_total{reason="proxy"} '):
                return int(line.rsplit(" ", 1)[1])
    return 0


@pytest.fixture
def gw(gateway):
    return gateway(listen=LOOPBACK, limits={"header_ms": 1000}, ready=False)


def ask(gw, head):
    """The peer that the log has for a request behind this header."""
    request = uuid7()
    with Raw(gw.port) as c:
        c.send(head + GET[:-2] + b"X-Request-Id: %s\r\n\r\n" % request.encode())
        assert c.answer().status == 200
    entries = []

    def logged():
        entries[:] = [e for e in gw.log() if e["event"] == "http.request" and e["request"] == request]
        return entries

    until(logged)
    return entries[0]["peer"]


# -------------------------------------------------------------------- what is taken


def test_the_client_is_the_one_that_the_header_names(gw):
    assert ask(gw, header()) == "203.0.113.7:40000"
    assert ask(gw, header(family=TCP6, source="2001:db8::7")) == "[2001:db8::7]:40000"
    assert ask(gw, header(tlvs=b"\x04\0\0\x05\0\x02id")) == "203.0.113.7:40000"
    assert ask(gw, checked()) == "203.0.113.7:40000"
    assert ask(gw, header(tlvs=b"\x05\x0f\xfd" + bytes(4093))) == "203.0.113.7:40000"  # the longest


def test_the_balancer_speaks_for_itself(gw):
    for head in (header(LOCAL, UNSPEC), header(LOCAL, TCP4), header(PROXY, UNSPEC, tlvs=b"whatever")):
        assert ask(gw, head).startswith("127.0.0.1:")


def test_cut_at_every_byte(gw):
    head = checked(family=TCP6, source="2001:db8::7") + GET
    for cut in range(1, len(head)):
        with Raw(gw.port) as c:
            c.send(head[:cut])
            c.send(head[cut:])
            assert c.answer().status == 200, cut
    with Raw(gw.port) as c:
        for byte in head:
            c.send(bytes([byte]))
        assert c.answer().status == 200
    assert refused(gw) == 0


def test_a_websocket_behind_it(gw):
    with Raw(gw.port) as c:
        c.send(header() + upgrade_request().encode())
        assert c.answer().status == 101
        c.hello()
        until(lambda: peers(gw, "session.open") == ["203.0.113.7:40000"])


# -------------------------------------------------------------------- what is refused


WRONG = {
    "none": GET,
    "text": b"PROXY TCP4 203.0.113.7 10.0.0.1 40000 8080\r\n" + GET,
    "text v2": SIGNATURE[:5] + GET,
    "version 1": header(0x11) + GET,
    "version 3": header(0x31) + GET,
    "command 2": header(0x22) + GET,
    "udp": header(family=UDP4, tlvs=bytes(12)) + GET,
    "unix": header(family=0x31, tlvs=bytes(216)) + GET,
    "too short for its family": header(family=TCP4, length=11) + GET,
    "too long": header(length=4096 + 37) + GET,
    "longest": header(length=0xFFFF) + bytes(70000),
    "a value that is too long": header(tlvs=b"\x05\0\x09id") + GET,
    "half a value": header(tlvs=b"\x05\0") + GET,
    "a wrong checksum": header(tlvs=b"\x03\0\x04\1\2\3\4") + GET,
    "TLS": b"\x16\x03\x01\x02\x00\x01" + bytes(500),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_header_is_closed_without_a_word(gw, what):
    with Raw(gw.port) as c:
        try:
            c.send(WRONG[what])
        except OSError:
            pass
        assert c.closed() and c.have == b""
    until(lambda: refused(gw) == 1)
    assert ask(gw, header()) == "203.0.113.7:40000"


def test_half_a_header_has_a_deadline(gw):
    begin = time.monotonic()
    with Raw(gw.port) as silent, Raw(gw.port) as half:
        half.send(header()[:20])
        assert silent.closed() and half.closed() and time.monotonic() - begin < 10
    assert refused(gw) == 2


def test_who_closes_first(gw):
    with Raw(gw.port) as c:
        c.send(header()[:20])
    until(lambda: refused(gw) == 1)
    with Raw(gw.port):
        pass  # a balancer that only looks whether the port is open
    with Raw(gw.port) as c:
        c.send(header()[:20])
        c.reset()
    until(lambda: refused(gw) == 2)


def test_many_that_say_nothing_cost_little(gateway):
    gw = gateway(listen=LOOPBACK, limits={"header_ms": 4000, "connections": 3000}, ready=False)
    refused(gw)
    before = gw.resident()
    begin = time.monotonic()
    mute = [Raw(gw.port) for _ in range(2500)]
    for c in mute[:1000]:
        c.send(header()[:17])
    answered = ask(gw, header())
    grown = gw.resident() - before
    assert time.monotonic() - begin < 4, "the machine is too slow for this test"
    assert answered == "203.0.113.7:40000"
    assert grown < 2500 * 1024, f"{grown / 2500:.0f} bytes each, under the sanitizers"
    assert all(c.closed() for c in mute)
    until(lambda: refused(gw) == 2500)
    for c in mute:
        c.close()


def test_they_count_as_connections(gateway):
    gw = gateway(listen=LOOPBACK, limits={"header_ms": 60000, "connections": 10}, ready=False)
    mute = [Raw(gw.port) for _ in range(10)]
    with Raw(gw.port) as c:
        c.send(header() + GET)
        assert c.answer().status == 503
    far = [Raw(gw.port) for _ in range(70)]
    assert far[-1].answer().status == 503  # as it stands, without a header
    for c in mute + far:
        c.close()
    until(lambda: refused(gw) == 0)


def test_the_end_does_not_wait_for_them(gateway):
    gw = gateway(listen=LOOPBACK, limits={"header_ms": 60000}, ready=False)
    with Raw(gw.port) as silent, Raw(gw.port) as half:
        half.send(header()[:20])
        ask(gw, header())
        gw.signal(signal.SIGTERM)
        assert gw.wait(10) == 0
        assert silent.closed() and half.closed()


# -------------------------------------------------------------------- who may


def test_others_are_taken_as_they_are(gateway):
    gw = gateway(listen={"proxy": ["10.0.0.0/8", "::1/128"]}, ready=False)
    assert gw.get("/livez").status_code == 200
    until(lambda: peers(gw))
    assert peers(gw)[0].startswith("127.0.0.1:")
    with Raw(gw.port) as c:
        c.send(header() + GET)
        assert c.closed() and not c.have.startswith(b"HTTP/1.1 2")
    assert not any(p.startswith("203.") for p in peers(gw))


@pytest.mark.parametrize("line", ["PROXY TCP4 203.0.113.7 10.0.0.1 40000 8080", "PROXY UNKNOWN", "PROXY x"])
def test_the_text_form_is_believed_from_nobody(gateway, line):
    gw = gateway(ready=False)
    for request in (GET.decode(), upgrade_request()):
        with Raw(gw.port) as c:
            c.send(f"{line}\r\n{request}")
            assert c.answer().status in (400, 404, 501)
            assert c.closed()


def test_by_address_of_version_6(gateway):
    gw = gateway(listen={"host": "::1", "proxy": ["::1"]}, ready=False)
    with socket.create_connection(("::1", gw.port), 5) as s:
        s.sendall(header() + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert s.recv(100).startswith(b"HTTP/1.1 200 OK")
    until(lambda: peers(gw) == ["203.0.113.7:40000"])


def test_a_network_is_reloaded(gateway):
    gw = gateway(ready=False)
    config = json.loads(gw.config.read_text())
    config["listen"]["proxy"] = ["127.0.0.1"]
    gw.config.write_text(json.dumps(config))
    gw.signal(signal.SIGHUP)
    until(lambda: [e for e in gw.log() if e["event"] == "config.reloaded"])
    assert not [e for e in gw.log() if e["event"] == "config.needs_restart"]
    assert ask(gw, header()) == "203.0.113.7:40000"


# -------------------------------------------------------------------- HAProxy


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


@pytest.fixture
def haproxy(tmp_path):
    """haproxy(gateway port, options of the server) -> its port; it checks over HTTP, with LOCAL headers."""
    running = []

    def start(port, options="send-proxy-v2"):
        front, config = free_port(), tmp_path / "haproxy.cfg"
        config.write_text(f"""
            defaults
                mode tcp
                timeout connect 2s
                timeout client 30s
                timeout server 30s
            frontend clients
                bind 127.0.0.1:{front}
                default_backend gateways
            backend gateways
                option httpchk GET /readyz
                server one 127.0.0.1:{port} {options} check check-send-proxy inter 100ms fall 1 rise 1\n""")
        with open(tmp_path / "haproxy.log", "wb") as log:
            running.append(subprocess.Popen(["haproxy", "-f", config], stdout=log, stderr=log))
        until(lambda: connects(front))
        return front

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except ConnectionRefusedError:
        return False


@pytest.mark.parametrize("options", ["send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_a_websocket_through_haproxy(gateway, haproxy, options):
    gw = gateway(listen=LOOPBACK, ready=False)
    front = haproxy(gw.port, options)
    until(lambda: [e for e in gw.log() if e["event"] == "http.request" and e["path"] == "/readyz"
                   and e["status"] == 200])

    async def go():
        c = await Client.open(f"ws://127.0.0.1:{front}/v1/ws")
        s = Stream()
        await c.send(s, "word " * 200, model="richierich-echo")
        await c.finish(s)
        assert s.done["state"] == "complete" and s.text.split() == ["word"] * 200
        own = "%s:%d" % c.ws.transport.get_extra_info("sockname")
        await c.close()
        return own

    assert run(go()) in peers(gw, "session.open")
    checks = [e["peer"] for e in gw.log() if e["event"] == "http.request" and e["path"] == "/readyz"]
    assert checks and all(p.startswith("127.0.0.1:") for p in checks)
    assert refused(gw) == 0
