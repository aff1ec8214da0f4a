"""Bad input of every kind against the real programs. Each test ends with the gateway serving others: a witness that
was connected before, and a client that comes after. test_wire_many.py has what comes in great numbers."""

import json
import random
import socket
import struct
import time

import pytest
from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Raw, frame, until, upgrade_request
from wire import uuid7
from witness import CHAT, JSON, POST, ask_once, gw, request  # noqa: F401


# -------------------------------------------------------------------- messages


@pytest.mark.parametrize("hello", [False, True])
@pytest.mark.parametrize("text", ["", "hello", "[]", "1", "null", '"x"', '{"type":', '{"a":1}x', "{'a':1}", "\ufeff{}", '{"a":1\0}'])
def test_no_json_object(gw, text, hello):
    with Raw(gw.port) as c:
        c.open()
        if hello:
            c.hello()
        c.text(text)
        assert c.close_code() == 4500


@pytest.mark.parametrize("message", [{"type": "send"}, {"type": "pong"}, {"type": 1}, {}, {"type": "nonsense"}])
def test_another_object_before_hello(gw, message):
    with Raw(gw.port) as c:
        c.open().text(message)
        assert c.close_code() == 4506


def ill_typed():
    gen, chat = uuid7(), uuid7()
    send = {"type": "send", "gen": gen, "chat": chat, "input": "x"}
    yield {}
    yield {"type": None}
    yield {"type": 7}
    yield {"type": "nonsense"}
    yield {"type": "hello"}
    for field, values in {
        "gen": [None, 1, "", "x", gen.upper(), gen + " ", gen[:-1]],
        "chat": [None, 1, [], "nope"],
        "input": [1, {}, [], True],
        "parent": [1, "x", {}],
        "model": [1, {}, []],
        "params": [1, "x", [], {"temperature": "hot"}, {"max_tokens": -1}, {"stop": 7}, {"top_p": {}}],
        "on_disconnect": [1, "explode"],
        "if_busy": [1, "never"],
    }.items():
        for value in values:
            yield {**send, field: value}
    for field in ("gen", "chat"):
        yield {k: v for k, v in send.items() if k != field}
    position = {"type": "resume", "gen": gen, "epoch": 1, "off": 0, "crc": "00000000"}
    for field, values in {
        "gen": [None, 1, "x"],
        "epoch": [None, "1", -1, 1.5, 2**53],
        "off": [None, "0", -1, 0.5, 2**53],
        "crc": [None, 0, "0", "0000000G", "ABCDEF00", "000000000"],
        "marks": [1, [1], [[1]], [["a", "b"]], [[0, 0]], [[0, "00000000"]] * 65],
    }.items():
        for value in values:
            yield {**position, field: value}
    yield {"type": "ack", "gen": gen}
    yield {"type": "ack", "gen": gen, "off": "1"}
    yield {"type": "cancel"}
    yield {"type": "cancel", "gen": 1}
    yield {"type": "unfollow"}
    yield {"type": "auth"}
    yield {"type": "auth", "token": 1}


def test_ill_typed_messages_are_told_so_and_the_connection_lives_on(gw):
    with Raw(gw.port) as c:
        c.open().hello()
        for message in ill_typed():
            c.text(message)
            error = c.message()
            assert error["type"] == "error" and error["code"] == "BAD_REQUEST", (message, error)
            assert error["message"] and error["retry"] == "never"
        c.text('{"type":"cancel","gen":"\\ud800"}')  # a lone surrogate
        assert c.message()["code"] == "BAD_REQUEST"
        c.text({"type": "cancel", "gen": uuid7()})
        assert c.message()["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"type":"hello","x":' + "[" * 10_000 + "]" * 10_000 + "}",
        '{"type":"hello",' + ",".join(f'"k{i}":{i}' for i in range(2000)) + "}",
    ],
    ids=["arrays", "objects", "closed", "wide"],
)
def test_deeply_nested(gw, text):
    with Raw(gw.port) as c:
        c.open()
        c.send(frame(TEXT, text))
        if "k1999" in text:
            assert c.message()["type"] == "welcome"
        else:
            assert c.close_code() in (4500, 4506, 1009)


def test_too_large(gw):
    def refused(*pieces, hello=True):
        with Raw(gw.port) as c:
            c.open()
            if hello:
                c.hello()
            for piece in pieces:
                try:
                    c.send(piece)
                except OSError:
                    break
            return c.close_code()

    big = b'{"type":"send","input":"' + b"x" * (1 << 20) + b'"}'
    assert refused(frame(TEXT, b'{"type":"hello","x":"' + b"x" * 32768 + b'"}'), hello=False) == 1009
    assert refused(frame(TEXT, big)) == 1009
    assert refused(frame(TEXT, big[:700_000], fin=False), frame(CONTINUATION, big[700_000:])) == 1009
    # announced, never sent
    assert refused(frame(TEXT, b"{", length=1 << 40)) == 1009
    assert refused(frame(TEXT, b"{", length=(1 << 63) - 1)) == 1009
    assert refused(frame(TEXT, b"{", length=(1 << 64) - 1)) is None  # no length at all
    with Raw(gw.port) as c:  # just below the limit it is only a bad message
        c.open().hello()
        c.text({"type": "send", "x": "x" * 1_000_000})
        assert c.message()["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\xff"],
        [b'{"type":"hello","x":"\xc3\x28"}'],
        [b'{"type":"hello","x":"\xed\xa0\x80"}'],
        [b'{"type":"hello","x":"\xf4\x90\x80\x80"}'],
        [b'{"type":"hello","x":"\xc0\xaf"}'],
        [b'{"type":"hello","x":"\xe2\x82', b'"}'],
        [b'{"type":"hello","x":"', b'\x82\xac"}'],
    ],
)
def test_not_utf8(gw, pieces):
    with Raw(gw.port) as c:
        c.open()
        for i, piece in enumerate(pieces):
            c.send(frame(CONTINUATION if i else TEXT, piece, fin=i == len(pieces) - 1))
        assert c.close_code() == 1007


def test_binary(gw):
    for payload in (b"{}", b"", b'{"type":"hello"}'):
        with Raw(gw.port) as c:
            c.open().send(frame(BINARY, payload))
            assert c.close_code() == 4500


def test_fragments_of_one_byte_with_pings_between(gw):
    with Raw(gw.port) as c:
        c.open()
        text = json.dumps({"type": "hello", "client": "käse 🧀"}, ensure_ascii=False).encode()
        for i in range(len(text)):
            c.send(frame(CONTINUATION if i else TEXT, text[i : i + 1], fin=i == len(text) - 1))
            if i % 16 == 0:
                c.send(frame(PING, b"%d" % i))
                opcode, payload = c.frame()
                assert (opcode, payload) == (PONG, b"%d" % i)
        assert c.message()["type"] == "welcome"


def test_a_message_cut_anywhere_on_the_wire(gw):
    rng = random.Random(7)
    text = {"type": "send", "gen": uuid7(), "chat": uuid7(), "input": "ä" * 2000, "model": "richierich-echo"}
    stream = frame(TEXT, json.dumps({"type": "hello"})) + frame(TEXT, json.dumps(text, ensure_ascii=False))
    with Raw(gw.port) as c:
        c.open()
        while stream:
            n = rng.choice([1, 1, 2, 3, 7, 130, 256, 257, 300])
            c.send(stream[:n])
            stream = stream[n:]
        got = ""
        while (m := c.message())["type"] != "done":
            got += m.get("text", "")
        assert got == "ä" * 2000


def test_floods_of_fragments(gw):
    with Raw(gw.port) as c:
        c.open().hello()
        c.send(frame(TEXT, b"{", fin=False))
        try:
            for _ in range(100):
                c.send(frame(CONTINUATION, b"", fin=False))
        except OSError:
            pass
        assert c.close_code() == 4505
    with Raw(gw.port) as c:
        c.open().hello()
        try:
            c.send(frame(TEXT, b"{", fin=False))
            for _ in range(50):
                c.send(frame(CONTINUATION, b" ", fin=False) * 100)
        except OSError:
            pass
        assert c.close_code() == 4505


@pytest.mark.parametrize(
    "data",
    [
        frame(CONTINUATION, b"x"),
        frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"),
        frame(TEXT, b"{}", rsv=4),
        frame(TEXT, b"{}", rsv=1),
        frame(3, b"x"),
        frame(11, b"x"),
        frame(PING, b"x", fin=False),
        frame(PING, b"x" * 126),
    ],
    ids=["lone-continuation", "text-in-text", "rsv1", "rsv3", "opcode3", "opcode11", "cut-ping", "long-ping"],
)
def test_frames_against_the_rules(gw, data):
    with Raw(gw.port) as c:
        c.open().hello()
        c.send(data)
        assert c.close_code() in (1002, None)


def test_nothing_follows_the_close_frame(gateway):
    """Neither text of an answer nor a ping; and the connection ends though its peer does not answer."""
    gw = gateway(heartbeat={"ping_ms": 300, "grace_ms": 10_000})
    for streaming in (True, False):
        with Raw(gw.port) as c:
            c.open().hello()
            if streaming:
                c.text({"type": "send", "gen": uuid7(), "chat": uuid7(), "input": "x", "model": "richierich-slow"})
                while c.message()["type"] != "delta":
                    pass
            c.send(frame(TEXT, b"{}", rsv=4))
            while (got := c.frame())[0] != CLOSE:
                pass
            assert got[1][:2] == struct.pack(">H", 1002)
            assert c.closed() and c.have == b""
    ask_once(gw.ws)


def test_unmasked_frames_are_taken_for_what_they_say(gw):
    """The library does not let us see the missing mask; nothing worse may come of it."""
    with Raw(gw.port) as c:
        c.open()
        c.send(frame(TEXT, b'{"type":"hello"}', mask=False))
        assert c.message()["type"] == "welcome"
        c.send(frame(TEXT, b"nonsense", mask=False))
        assert c.close_code() == 4500


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 1005),
        (b"\x03", 1002),
        (b"\x03\xe8", 1000),
        (b"\x03\xe8bye", 1000),
        (b"\x00\x00", 1002),
        (b"\x03\xed", 1002),
        (b"\x0b\xb8", 3000),
        (b"\x13\x88", 1002),
        (b"\xff\xff", 1002),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_close_frames_of_the_client(gw, payload, code):
    with Raw(gw.port) as c:
        c.open().hello()
        c.send(frame(CLOSE, payload))
        assert c.close_code() == code
        assert c.closed()


def test_pings_are_a_sign_of_life(gateway):
    gw = gateway(heartbeat={"ping_ms": 150, "grace_ms": 150})
    with Raw(gw.port) as c, Raw(gw.port) as silent:
        c.open().text({"type": "hello"})
        silent.open().text({"type": "hello"})
        pongs, end = 0, time.monotonic() + 1.5
        while time.monotonic() < end:
            c.send(frame(PING, b"here"))
            while c.frame()[0] != PONG:
                pass
            pongs += 1
            time.sleep(0.05)
        assert pongs > 10
        assert silent.close_code() == 4004
        c.send(frame(PING, b"still"))
        while (got := c.frame())[0] != PONG:
            assert got[0] == TEXT
    ask_once(gw.ws)


def test_many_small_messages_do_not_starve_others(gw):
    """A client that never stops talking, and one that asks something."""
    with Raw(gw.port) as c:
        c.open().hello()
        noise = frame(TEXT, b'{"type":"pong"}') * 20_000
        c.s.setblocking(False)
        sent = c.s.send(noise)
        begin = time.monotonic()
        ask_once(gw.ws)
        assert time.monotonic() - begin < 5
        c.s.settimeout(15)
        c.send(noise[sent:])
        c.text({"type": "cancel", "gen": uuid7()})
        assert c.message()["code"] == "NOT_FOUND"


def test_noise(gw):
    """Random frames, random bytes: each connection ends or lives; the gateway stays."""
    rng = random.Random(11)
    for _ in range(150):
        with Raw(gw.port) as c:
            c.open()
            if rng.random() < 0.5:
                c.hello()
            try:
                for _ in range(rng.randrange(1, 20)):
                    kind = rng.randrange(3)
                    if kind == 0:
                        c.send(rng.randbytes(rng.randrange(1, 400)))
                    elif kind == 1:
                        c.send(frame(rng.randrange(16), rng.randbytes(rng.randrange(300)), rng.random() < 0.7,
                                     rng.random() < 0.9, rng.choice([0, 0, 0, 1, 7])))
                    else:
                        c.text(rng.choice(['{"type":"pong"}', '{"type":"cancel","gen":"x"}', "{}"]))
            except OSError:
                pass
            if rng.random() < 0.3:
                c.reset()


# -------------------------------------------------------------------- upgrades


@pytest.mark.parametrize(
    "status, code, changes",
    [
        (400, "BAD_REQUEST", {"method": "POST"}),
        (400, "BAD_REQUEST", {"method": "OPTIONS"}),
        (400, "BAD_REQUEST", {"http": "HTTP/1.0"}),
        (404, "NOT_FOUND", {"path": "/v1/wss"}),
        (404, "NOT_FOUND", {"path": "/"}),
        (404, "NOT_FOUND", {"path": "/v1/ws/"}),
        (426, "BAD_REQUEST", {"sec_websocket_version": "12"}),
        (426, "BAD_REQUEST", {"sec_websocket_version": "130"}),
        (426, "BAD_REQUEST", {"sec_websocket_version": "8, 13"}),
        (426, "BAD_REQUEST", {"drop": ["Sec-WebSocket-Version"]}),
        (400, "BAD_REQUEST", {"drop": ["Sec-WebSocket-Key"]}),
        (400, "BAD_REQUEST", {"sec_websocket_key": "short"}),
        (400, "BAD_REQUEST", {"sec_websocket_key": "A" * 24}),
        (400, "BAD_REQUEST", {"sec_websocket_key": "A" * 3000}),
        (400, "BAD_REQUEST", {"drop": ["Sec-WebSocket-Protocol"]}),
        (400, "BAD_REQUEST", {"sec_websocket_protocol": "lastword.v2.json"}),
        (400, "BAD_REQUEST", {"sec_websocket_protocol": "lastword.v1.jso"}),
        (400, "BAD_REQUEST", {"sec_websocket_protocol": ", ".join(f"p{i}" for i in range(500))}),
        (400, "BAD_REQUEST", {"drop": ["Connection"]}),
        (400, "BAD_REQUEST", {"connection": "keep-alive"}),
        (400, "BAD_REQUEST", {"drop": ["Host"]}),
        (403, "FORBIDDEN", {"origin": "https://evil.example"}),
        (403, "FORBIDDEN", {"origin": "null"}),
        (403, "FORBIDDEN", {"origin": ""}),
    ],
)
def test_refused_upgrades(gw, status, code, changes):
    with Raw(gw.port) as c:
        c.upgrade(**changes)
        answer = c.answer()
        assert (answer.status, answer.code()) == (status, code)
        if status == 426:
            assert answer.headers["sec-websocket-version"] == "13"
        assert c.closed()


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://127.0.0.1"},
        {"connection": "keep-alive, Upgrade"},
        {"upgrade": "WebSocket"},
        {"sec_websocket_protocol": "other, lastword.v1.json"},
        {"path": "/v1/ws?x=1"},
        {"sec_websocket_extensions": "permessage-deflate; client_max_window_bits"},
    ],
)
def test_good_upgrades(gw, changes):
    with Raw(gw.port) as c:
        c.upgrade(**changes)
        answer = c.answer()
        assert answer.status == 101
        assert answer.headers["sec-websocket-protocol"] == "lastword.v1.json"
        assert "sec-websocket-extensions" not in answer.headers
        c.hello()


def test_upgrade_with_frames_in_the_same_packet(gw):
    with Raw(gw.port) as c:
        c.send(upgrade_request().encode() + frame(TEXT, b'{"type":"hello"}') + frame(TEXT, b'{"type":"nonsense"}'))
        assert c.answer().status == 101
        assert c.message()["type"] == "welcome"
        assert c.message()["code"] == "BAD_REQUEST"


def test_origins_by_list(gateway):
    gw = gateway(listen={"origins": ["https://chat.example"]})
    for origin, status in {"https://chat.example": 101, "HTTPS://CHAT.example": 101, "http://127.0.0.1": 403,
                           "https://chat.example.evil": 403, "https://chat.exampl": 403}.items():
        with Raw(gw.port) as c:
            c.upgrade(origin=origin)
            assert c.answer().status == status, origin
    with Raw(gw.port) as c:
        c.open().hello()  # no browser, no origin


def test_upgrade_credentials(gateway):
    gw = gateway(auth={"mode": "keys"}, keys=[{"name": "a", "owner": "t/a", "key": "the-right-key"}])
    for value, status in {"Bearer the-right-key": 101, "bearer the-right-key": 101, "Bearer the-wrong-key": 401,
                          "Bearer the-right-ke": 401, "Bearer ": 401, "Basic dGhlOmtleQ==": 401,
                          "Bearer " + "x" * 5000: 401}.items():
        with Raw(gw.port) as c:
            c.upgrade(authorization=value)
            answer = c.answer()
            assert answer.status == status, value
            if status == 401:
                assert answer.headers["www-authenticate"] == "Bearer" and answer.code() == "UNAUTHORIZED"
    assert "the-right-key" not in gw.err.read_text() and "the-wrong-key" not in gw.err.read_text()


def test_kept_alive_get_and_then_upgrade_foo(gw):
    """Once a read of freed memory in the library, before any authentication."""
    get = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    statuses = {"foo": 400, "websocke": 400, "websocketx": 400, "123456789": 400, "h2c": 426, "": 426, "WEBSOCKET": 101}
    for value, status in statuses.items():
        for together in (False, True):
            with Raw(gw.port) as c:
                c.send(get + upgrade_request(upgrade=value) if together else get)
                assert c.answer().status == 200
                if not together:
                    c.send(upgrade_request(upgrade=value))
                answer = c.answer()
                assert answer.status == status, value
                if status == 101:
                    c.hello()
                else:
                    assert answer.code() == "BAD_REQUEST"
                if status == 400:
                    assert c.closed()


def test_clients_that_would_rather_speak_http2(gw):
    """curl --http2 and Java's client offer h2c with each first request, and go on without."""
    with Raw(gw.port) as c:
        for _ in range(2):
            c.send(request("GET /livez HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                           "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"))
            assert c.answer().status == 200


# -------------------------------------------------------------------- HTTP


@pytest.mark.parametrize(
    "status, data",
    [
        (400, request(POST, JSON, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
        (400, request(POST, JSON, "Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n")),
        (400, request("GET /livez HTTP/1.1", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
        (400, request(POST.replace("1.1", "1.0"), JSON, "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
        (501, request(POST, JSON, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
        (501, request(POST, JSON, "Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
        (501, request(POST, JSON, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
        (400, request(POST, JSON, "Content-Length: -1", body=b"x")),
        (400, request(POST, JSON, "Content-Length: -9223372036854775808", body=b"x")),
        (400, request(POST, JSON, "Content-Length: +1", body=b"x")),
        (400, request(POST, JSON, "Content-Length: 0x10", body=b"x" * 16)),
        (400, request(POST, JSON, "Content-Length: 1 2", body=b"x")),
        (400, request(POST, JSON, "Content-Length: 1,1", body=b"x")),
        (400, request(POST, JSON, "Content-Length: five", body=b"x")),
        (400, request(POST, JSON, "Content-Length: 1e3", body=b"x")),
        (400, request(POST, JSON, "Content-Length: 18446744073709551617", body=b"x")),
        (400, request(POST, JSON, "Content-Length: 2", "Content-Length: 3", body=b"{}x")),
        (400, request(POST, JSON, "Content-Length: 2", "Content-Length: 2", body=b"{}")),
        (413, request(POST, JSON, "Content-Length: 99999999999")),
        (413, request(POST, JSON, "Content-Length: 4194305", body=b"x" * 100_000)),
        (400, request(host=False)),
        (400, request("GET /livez HTTP/1.1", "Host: other")),
        (505, request("GET /livez HTTP/2.0")),
        (505, request("GET /livez HTTP/0.9")),
        (505, request("GET /livez FTP/1.1")),
        (501, request("BREW /livez HTTP/1.1")),
        (501, request("BREW /coffee HTTP/1.1", body=b"x" * 1000)),
        (501, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
        (400, b"nonsense\r\n\r\n"),
        (400, b"\x00\x00\x00\x00"),
        (414, request("GET /" + "a" * 3000 + " HTTP/1.1")),
        (417, request(POST, JSON, "Expect: the-worst", "Content-Length: 2", body=b"{}")),
    ],
)
def test_requests_against_the_rules(gw, status, data):
    with Raw(gw.port) as c:
        c.send(data)
        answer = c.answer()
        assert answer.status == status, answer.body
        assert answer.code() in ("BAD_REQUEST", "TOO_LARGE")
        assert answer.headers["connection"] == "close"
        assert c.closed() and not c.have


@pytest.mark.parametrize(
    "status, data",
    [
        (400, request("GET /%00 HTTP/1.1")),
        (400, request("GET /livez%00.txt HTTP/1.1")),
        (400, request("GET /%zz HTTP/1.1")),
        (400, request("GET /livez%0d%0aX: HTTP/1.1")),
        (400, request("GET livez HTTP/1.1")),
        (400, request("GET /livez#x HTTP/1.1")),
        (400, request("GET /liv ez HTTP/1.1")),
        (400, request("CONNECT example.com:443 HTTP/1.1")),
        (400, request("GET /livez")),
        (400, request("GET")),
        (400, request("GET /livez HTTP/1.1", "GET /livez HTTP/1.1")),
        (400, request("GET /livez HTTP/1.1", "Bad Name: x")),
        (400, request("GET /livez HTTP/1.1", "Space-Before : x")),
        (400, request("GET /livez HTTP/1.1", ": empty")),
        (400, request("GET /livez HTTP/1.1", "no colon at all")),
        (400, request("GET /livez HTTP/1.1", "Folded: a", " b")),
        (400, request("GET /livez HTTP/1.1", "Nul: a\0b")),
        (400, request("GET /livez HTTP/1.1", "Bell: \a")),
        (400, b"GET /livez HTTP/1.1\nHost: x\n\n"),
        (400, b"GET /livez HTTP/1.1\rHost: x\r\r"),
        (431, request("GET /livez HTTP/1.1", "X-Big: " + "x" * 20_000)),
        (431, request("GET /livez HTTP/1.1", *[f"X-{i}: {i}" for i in range(3000)])),
        (431, request("GET /livez HTTP/1.1", *["Accept: a"] * 300)),
        (414, request("GET /livez?" + "&".join(f"a{i}={i}" for i in range(800)) + " HTTP/1.1")),
    ],
)
def test_heads_that_are_none(gw, status, data):
    with Raw(gw.port) as c:
        c.send(data)
        answer = c.answer()
        assert (answer.status, answer.code()) == (status, "BAD_REQUEST"), answer.body
        assert answer.headers["connection"] == "close"
        assert c.closed() and not c.have


@pytest.mark.parametrize(
    "status, data",
    [
        (200, b"\r\n\r\n\r\n" + request()),
        (200, request("GET http://127.0.0.1/livez HTTP/1.1")),
        (200, request("GET /livez?" + "&".join(f"a{i}={i}" for i in range(400)) + " HTTP/1.1")),
        (200, request("GET /livez HTTP/1.1", *[f"X-{i}: {i}" for i in range(250)])),
        (200, request("GET /livez HTTP/1.1", "X-Big: " + "x" * 16_000)),
        (200, request("GET /livez HTTP/1.1", "Empty:", "Spaced: \t a \t ", "Latin: \xe4")),
        (200, request("GET /livez HTTP/1.1", "Content-Length: 5", body=b"hello")),
        (200, request("HEAD /livez HTTP/1.1")),
        (204, request("OPTIONS * HTTP/1.1")),
        (404, request("GET /v1/\xe4 HTTP/1.1")),
        (404, request("GET /a&b;c HTTP/1.1")),
        (405, request("TRACE /livez HTTP/1.1")),
        (405, request("PUT /livez HTTP/1.1", "Content-Length: 5", body=b"hello")),
        (400, request(POST, JSON)),  # no length, so no body
    ],
)
def test_odd_requests_that_are_in_order(gw, status, data):
    """Answered, and the connection lives on."""
    with Raw(gw.port) as c:
        for _ in range(3):
            c.send(data)
            assert c.answer(head=data.startswith(b"HEAD")).status == status


def test_paths_that_lead_nowhere(gw):
    for path in ("/nothing", "/v1", "/v1/", "/v1/nothing", "/v1/generations", "/v1/generations/x",
                 "/v1/conversations/x/y/z", "/livez/", "/LIVEZ", "/metrics/../nothing", "/.git/config", "/%20"):
        with Raw(gw.port) as c:
            c.send(request(f"GET {path} HTTP/1.1"))
            answer = c.answer()
            assert (answer.status, answer.code()) == (404, "NOT_FOUND"), path


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%252f..%252fetc/passwd",
        "/....//....//etc/passwd",
        "/..\\..\\..\\etc\\passwd",
        "//etc/passwd",
        "/assets/../../../../etc/passwd",
        "/%c0%ae%c0%ae/etc/passwd",
        "/./././../etc/passwd",
        "/index.html/../../../../etc/passwd",
    ],
)
def test_no_way_out_of_the_page(gateway, tmp_path, path):
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text("<p>the page</p>")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:secret")
    gw = gateway(page={"dir": str(page)})
    with Raw(gw.port) as c:
        c.send(request(f"GET {path} HTTP/1.1", "Connection: close"))
        assert c.closed()
        assert b"root:" not in c.have
    assert gw.get("/").text == "<p>the page</p>"


def test_chunked_bodies(gw):
    def post(*pieces, status, keep=False):
        with Raw(gw.port) as c:
            c.send(request(POST, JSON, "Transfer-Encoding: chunked"))
            for piece in pieces:
                try:
                    c.send(piece)
                except OSError:
                    break
            answer = c.answer()
            assert answer.status == status, (pieces[:1], answer.body)
            return answer

    size = b"%x" % len(CHAT)
    whole = size + b"\r\n" + CHAT + b"\r\n0\r\n\r\n"
    assert post(whole, status=200).json()["choices"][0]["message"]["content"] == "ping"
    post(*[whole[i : i + 1] for i in range(len(whole))], status=200)
    post(b"".join(b"1\r\n%c\r\n" % b for b in CHAT) + b"000\r\nTrailer: x\r\n\r\n", status=200)
    post(size + b";name=value\r\n" + CHAT + b"\r\n0\r\n\r\n", status=200)
    for bad in (b"x\r\n", b"-1\r\n", b" 1\r\nx\r\n", b"1 \r\nx\r\n", b"0x1\r\nx\r\n", b"1\nx\n", b"1\r\nxy\r\n",
                b"\r\n", b"ffffffffffffffff\r\n", b"10000000000000000\r\n", b"1;" + b"x" * 10_000 + b"\r\n"):
        post(bad, status=400)
    post(b"fffffff\r\n", status=413)
    post(b"400000\r\n" + b"x" * 0x400000 + b"\r\n1\r\nx\r\n0\r\n\r\n", status=413)


def test_bodies_that_are_no_request(gw):
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"messages":' * 5000,
                 b'{"model":1,"messages":[]}', b'{"model":"richierich","messages":{}}', b"x" * 1_000_000):
        answer = gw.request("POST", "/v1/chat/completions", data=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400, (body[:40], answer.text)
        assert answer.json()["error"]["code"]


def test_half_requests(gw):
    pieces = [b"G", b"GET /livez", b"GET /livez HTTP/1.1\r\nHos", request()[:-2],
              request(POST, JSON, "Content-Length: 100", body=b"half"),
              request(POST, JSON, "Transfer-Encoding: chunked", body=b"10\r\nhalf")]
    for piece in pieces:
        for end in ("close", "reset", "shut"):
            c = Raw(gw.port)
            c.send(piece)
            if end == "shut":
                c.s.shutdown(socket.SHUT_WR)
                answer = c.answer()
                assert answer.status == 400 and "before it was complete" in answer.json()["error"]["message"]
                assert c.closed()
            (c.reset if end == "reset" else c.close)()
    until(lambda: gw.metric("lastword_connections") <= 2)


def test_requests_that_never_end(gw):
    begin = time.monotonic()
    waiting = [Raw(gw.port) for _ in range(4)]
    for c, piece in zip(waiting, [b"", b"GET /li", request(POST, JSON, "Content-Length: 100", body=b"half"),
                                  request(POST, JSON, "Transfer-Encoding: chunked", body=b"5\r\nha")]):
        c.send(piece)
    for c in waiting:
        assert c.answer().status == 408
        assert c.closed()
    assert 1 < time.monotonic() - begin < 8


def test_slow_heads(gw):
    """A byte now and then does not buy time."""
    begin = time.monotonic()
    with Raw(gw.port) as c:
        c.send("GET /livez HTTP/1.1\r\nHost: x\r\n")
        try:
            while time.monotonic() - begin < 10:
                c.send("X-Slow: 1\r\n")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - begin < 8


def test_pipelined_requests_are_answered_in_their_order(gw):
    post = request(POST, JSON, f"Content-Length: {len(CHAT)}", body=CHAT)
    chunked = request(POST, JSON, "Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(CHAT), CHAT))
    slow = json.dumps({"model": "richierich", "stream": True, "max_tokens": 20,
                       "messages": [{"role": "user", "content": "x"}]}).encode()
    slow = request(POST, JSON, f"Content-Length: {len(slow)}", body=slow)
    junk = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    kinds = [(request(), 200), (post, 200), (chunked, 200), (slow, 200), (junk, 405), (request("GET /nothing HTTP/1.1"), 404),
             (request("GET /v1/conversations HTTP/1.1"), 200)]
    for first, status in kinds:
        for second, then in kinds:
            with Raw(gw.port) as c:
                c.send(first + second * 3)
                assert [c.answer().status for _ in range(4)] == [status, then, then, then]
    with Raw(gw.port) as c:  # many at once, cut anywhere
        many = b"".join(data for data, _ in kinds * 10)
        rng = random.Random(2)
        while many:
            n = rng.choice([1, 7, 100, 3000, 40_000])
            c.send(many[:n])
            many = many[n:]
        assert [c.answer().status for _ in range(len(kinds) * 10)] == [status for _, status in kinds * 10]
    with Raw(gw.port) as c:  # a WebSocket behind it
        c.send(slow + upgrade_request().encode() + frame(TEXT, b'{"type":"hello"}'))
        assert [c.answer().status, c.answer().status] == [200, 101]
        assert c.message()["type"] == "welcome"
    with Raw(gw.port) as c:  # and what is none
        c.send(post + b"junk\r\n\r\n" + post)
        assert [c.answer().status, c.answer().status] == [200, 400]
        assert c.closed() and not c.have


def test_a_reader_that_closes_its_half_is_answered(gw):
    """As `printf ... | nc -N` does."""
    for data in (request("GET /v1/conversations HTTP/1.1"), request(POST, JSON, f"Content-Length: {len(CHAT)}", body=CHAT)):
        with Raw(gw.port) as c:
            c.send(data)
            c.s.shutdown(socket.SHUT_WR)
            assert c.answer().status == 200
            assert c.closed()


def test_keep_alive_and_its_end(gw):
    with Raw(gw.port) as c:
        for _ in range(200):
            c.send(request("HEAD /livez HTTP/1.1"))
            assert c.answer(head=True).status == 200
        c.send(request("GET /livez HTTP/1.1", "Connection: close"))
        assert c.answer().headers["connection"] == "close"
        assert c.closed()
    with Raw(gw.port) as c:
        c.send(request("GET /livez HTTP/1.0"))
        assert c.answer().headers["connection"] == "close"
        assert c.closed()
    with Raw(gw.port) as c:
        for _ in range(3):
            c.send(request("GET /livez HTTP/1.0", "Connection: keep-alive"))
            assert c.answer().headers["connection"] == "keep-alive"


def test_expect_continue(gw):
    with Raw(gw.port) as c:
        c.send(request(POST, JSON, f"Content-Length: {len(CHAT)}", "Expect: 100-continue"))
        assert c.answer().status == 100
        c.send(CHAT)
        assert c.answer().status == 200


def test_streams_that_nobody_reads_to_the_end(gw):
    body = json.dumps({"model": "richierich-slow", "stream": True,
                       "messages": [{"role": "user", "content": "go on"}]}).encode()
    post = request(POST, JSON, f"Content-Length: {len(body)}", body=body)
    for end in ("close", "reset", "shut"):
        c = Raw(gw.port)
        c.send(post)
        while b"data:" not in c.have:
            assert c.more()
        if end == "shut":
            c.s.shutdown(socket.SHUT_WR)
            c.closed()
        (c.reset if end == "reset" else c.close)()
    until(lambda: gw.metric("lastword_connections") <= 2)


def test_a_reader_that_does_not_read(gateway, tmp_path):
    """More than the kernel holds, into a socket that nobody empties: others are served, and in the end it goes."""
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text("x")
    (page / "big.js").write_bytes(b"x" * (24 << 20))
    gw = gateway(limits={"slow_ms": 1000}, page={"dir": str(page)})
    with Raw(gw.port) as c, Raw(gw.port) as pipelining:
        for slow, more in ((c, b""), (pipelining, request() * 50)):
            slow.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.send(request("GET /big.js HTTP/1.1") + more)
        ask_once(gw.ws)
        assert gw.metric("lastword_connections") >= 2  # the pipelining one may be gone already
        until(lambda: gw.metric("lastword_connections") <= 1)
    assert len(gw.get("/big.js").content) == 24 << 20  # to one that reads
