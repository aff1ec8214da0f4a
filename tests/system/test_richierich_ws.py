"""The mock upstream's original dialect: the WebSocket /v1/stream, and POST /v1/chat."""

import asyncio
import json
import socket
import struct

import pytest
import requests
import websockets
from richierich_client import post


# --- the original dialect ---


def test_plain_chat(mock):
    text = mock.answer("richierich-rrml", "hello")
    assert text.startswith("<response><header>") and text.endswith("</body></response>")
    assert post(mock, {"prompt": "hello"}, "/v1/chat").json() == {"model": "richierich-rrml", "response": text}
    assert requests.post(mock.url + "/v1/chat", data="hello", timeout=10).json()["response"] == text
    reply = post(mock, {"prompt": "hello", "model": "richierich-echo"}, "/v1/chat").json()
    assert reply["response"] == "hello"
    assert post(mock, {"prompt": "hello", "model": "richierich-s03"}, "/v1/chat").status_code == 500
    for bad in ({}, {"prompt": 7}, {"prompt": ""}, {"prompt": "x", "model": 7}, {"prompt": "x", "rate": -1}):
        assert post(mock, bad, "/v1/chat").status_code == 400
    assert post(mock, {"prompt": "x", "model": "gpt"}, "/v1/chat").status_code == 404
    assert requests.post(mock.url + "/v1/chat", data=b"\xff", timeout=10).status_code == 400


def ws_url(mock, **options):
    query = "&".join(f"{k}={v}" for k, v in options.items())
    return f"ws://127.0.0.1:{mock.port}/v1/stream?{query}"


async def ws_ask(mock, prompt="hello", **options):
    """The messages, and the code it was closed with."""
    got = []
    async with websockets.connect(ws_url(mock, **options), max_size=None) as ws:
        await ws.send(prompt)
        try:
            while True:
                got.append(await ws.recv())
        except websockets.ConnectionClosed:
            return got, ws.close_code


def test_ws_streams_tokens_then_done(mock):
    got, code = asyncio.run(ws_ask(mock, rate=0))
    assert code == 1000 and got[-1] == "[DONE]" and len(got) == 201
    assert "".join(got[:-1]) == mock.answer("richierich-rrml", "hello")
    got, code = asyncio.run(ws_ask(mock, "日本 hi", model="richierich-echo", rate=0))
    assert "".join(got[:-1]) == "日本 hi"
    got, _ = asyncio.run(ws_ask(mock, rate=0, tokens=5000, seed=3, token_size=3))
    assert "".join(got[:-1]) == mock.answer("richierich-rrml", "hello", tokens=5000, seed=3, token_size=3)


def test_ws_continues_from_an_offset(mock):
    whole = mock.answer("richierich-rrml", "hello").encode()
    got, code = asyncio.run(ws_ask(mock, rate=0, offset=100))
    assert "".join(got[:-1]).encode() == whole[100:]
    assert asyncio.run(ws_ask(mock, offset=len(whole) + 1)) == ([], 1008)
    assert mock.stats()["continuations"] == 2


def test_ws_pace_and_leaving(mock):
    async def run():
        async with websockets.connect(ws_url(mock, model="richierich-slow")) as ws:
            await ws.send("hello")
            await ws.recv()
            await asyncio.wait_for(await ws.ping(), 5)

    asyncio.run(run())
    mock.wait_for(lambda s: s["running"] == 0)
    assert mock.stats()["aborted"] == 1


@pytest.mark.parametrize("fault,status", [("s01", 429), ("s02", 429), ("s03", 500), ("s04", 503)])
def test_ws_refused(mock, fault, status):
    with pytest.raises(websockets.InvalidStatusCode) as e:
        asyncio.run(ws_ask(mock, model=f"richierich-{fault}"))
    assert e.value.status_code == status
    if fault in ("s01", "s03"):
        assert asyncio.run(ws_ask(mock, model=f"richierich-{fault}", rate=0))[1] == 1000


@pytest.mark.parametrize("fault,code", [("s12", "context_length_exceeded"), ("s13", "content_filter")])
def test_ws_a_prompt_refused(mock, fault, code):
    """What lies in the prompt cannot be refused before it came."""
    for _ in range(2):  # for ever
        got, closed = asyncio.run(ws_ask(mock, model=f"richierich-{fault}", rate=0))
        assert closed == 1008 and len(got) == 1 and json.loads(got[0])["error"]["code"] == code
    assert mock.stats()["faults"] == {fault: 2} and mock.stats()["faulted"] == 2 and mock.stats()["running"] == 0


def test_ws_a_prefix_refused(mock):
    with pytest.raises(websockets.InvalidStatusCode) as e:
        asyncio.run(ws_ask(mock, model="richierich-s14", offset=10))
    assert e.value.status_code == 400
    assert asyncio.run(ws_ask(mock, model="richierich-s14", rate=0))[1] == 1000


@pytest.mark.parametrize("fault,tokens,code", [("s08", 40, 1006), ("s08-rst", 40, 1006), ("s11", 200, 1000),
                                               ("inband-error", 41, 1011), ("length", 41, 1000)])  # fmt: skip
def test_ws_ends_badly(mock, fault, tokens, code):
    got, closed = asyncio.run(ws_ask(mock, model=f"richierich-{fault}", rate=0))
    assert closed == code
    assert 0 < len(got) <= tokens if fault == "s08-rst" else len(got) == tokens  # a reset may overtake what came
    assert ("[DONE]" in got) == (fault == "length")


@pytest.mark.parametrize("fault", ["slice1", "burst", "split", "cutchar", "comments", "s10"])
def test_ws_odd_shapes(mock, fault):
    got, closed = asyncio.run(ws_ask(mock, model=f"richierich-{fault}"))
    texts = [m for m in got if isinstance(m, str)]
    assert closed == 1000 and "".join(texts) == mock.answer("richierich", "hello") + "[DONE]"
    assert len(got) - len(texts) == (fault == "s10")


@pytest.mark.parametrize("fault", ["s06", "s09", "s11-open"])
def test_ws_silence(mock, fault):
    async def run():
        async with websockets.connect(ws_url(mock, model=f"richierich-{fault}", rate=0)) as ws:
            await ws.send("hello")
            got = 0
            with pytest.raises(asyncio.TimeoutError):
                while True:
                    await asyncio.wait_for(ws.recv(), 0.5)
                    got += 1
            return got

    assert asyncio.run(run()) == {"s06": 0, "s09": 40, "s11-open": 200}[fault]
    mock.wait_for(lambda s: s["running"] == 0)
    assert mock.stats()["last"][-1]["ended"] == "fault"


def handshake(mock, **change):
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **change}  # fmt: skip
    s = socket.create_connection(("127.0.0.1", mock.port), timeout=10)
    lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items() if v is not None)
    s.sendall(f"GET /v1/stream?rate=0 HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(1)
    return s, int(got.split()[1]), got


def frame(op, payload=b"", fin=True, mask=b"\1\2\3\4", rsv=0):
    n = len(payload)
    size = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n)
    if not mask:
        size = bytes([size[0] & 0x7F]) + size[1:]
    masked = bytes(b ^ mask[i & 3] for i, b in enumerate(payload)) if mask else payload
    return bytes([(0x80 if fin else 0) | rsv | op]) + size + (mask or b"") + masked


def close_code(s):
    """The code of the close frame, the frames before it being unmasked and short."""
    got = b""
    while piece := s.recv(65536):
        got += piece
    while got:
        op, n, start = got[0] & 15, got[1], 2
        if n == 126:
            n, start = struct.unpack(">H", got[2:4])[0], 4
        if op == 8:
            return struct.unpack(">H", got[start : start + 2])[0]
        got = got[start + n :]
    return None


def test_ws_handshake(mock):
    s, status, head = handshake(mock)
    assert status == 101 and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert handshake(mock, **{"Sec-WebSocket-Version": "12"})[1] == 426
    assert handshake(mock, **{"Sec-WebSocket-Version": None})[1] == 426
    assert handshake(mock, **{"Sec-WebSocket-Key": "short"})[1] == 400
    assert handshake(mock, **{"Sec-WebSocket-Key": None})[1] == 400
    assert handshake(mock, Upgrade=None)[1] == 426


@pytest.mark.parametrize(
    "data,code",
    [
        (frame(1, b"x", mask=None), 1002),
        (frame(1, b"x", rsv=0x40), 1002),
        (frame(3, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(1, b"x", fin=False) + frame(1, b"y"), 1002),
        (frame(9, b"x", fin=False), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(2, b"x"), 1003),
        (frame(1, b"\xff"), 1007),
        (frame(1, b"x" * (2**20 + 1)), 1009),
        (frame(1, b"x" * 2**19, fin=False) * 1 + frame(0, b"x" * 2**19, fin=False) + frame(0, b"y"), 1009),
        (frame(8, struct.pack(">H", 1000)), 1000),
        (frame(8, struct.pack(">H", 3999) + b"bye"), 3999),
        (frame(8), 1000),
        (frame(8, b"x"), 1002),
        (frame(8, struct.pack(">H", 1005)), 1002),
        (frame(8, struct.pack(">H", 1000) + b"\xff"), 1002),
    ],
)
def test_ws_closes(mock, data, code):
    s, status, _ = handshake(mock)
    s.sendall(data)
    assert status == 101 and close_code(s) == code


def test_ws_fragments_pings_and_one_byte_at_a_time(mock):
    s, _, _ = handshake(mock)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    text = "日本 hello".encode()
    data = frame(9, b"are you there") + frame(10, b"odd") + frame(1, text[:2], fin=False) + frame(9, b"still")
    for byte in data + frame(0, text[2:5], fin=False) + frame(0, text[5:]):
        s.sendall(bytes([byte]))
    got = b""
    while piece := s.recv(65536):
        got += piece
    assert got.startswith(b"\x8a\x0dare you there\x8a\x05still\x81") and b"[DONE]\x88\x02\x03\xe8" in got
    assert mock.answer("richierich-rrml", text.decode()).encode()[-8:] in got


def test_ws_second_prompt_is_too_many(mock):
    async def run():
        async with websockets.connect(ws_url(mock, model="richierich-slow")) as ws:
            await ws.send("one")
            await ws.send("two")
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await ws.recv()
            return ws.close_code

    assert asyncio.run(run()) == 1008
