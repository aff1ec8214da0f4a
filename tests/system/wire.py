"""A client of lastword.v1.json written from gateway/PROTOCOL.md alone: for tests, not for speed.

It holds the client's rule to the letter: whatever it renders is checked by off and crc, and `Stream.text` at `done` is what a
person would have seen.
"""

import asyncio
import json
import os
import time

import websockets

SUBPROTOCOL = "lastword.v1.json"


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def hex8(crc):
    return f"{crc:08x}"


def uuid7():
    ms = int(time.time() * 1000)
    b = bytearray(ms.to_bytes(6, "big") + os.urandom(10))
    b[6] = 0x70 | b[6] & 0x0F
    b[8] = 0x80 | b[8] & 0x3F
    h = b.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


# Of each message: the members it must have, and those it may have.
NUMBER, TEXT, FLAG = int, str, bool
SHAPES = {
    "welcome": ({"session": TEXT, "node": TEXT, "ping_ms": NUMBER, "limits": dict, "active": list}, {}),
    "active": ({"gen": TEXT, "chat": TEXT, "state": TEXT, "off": NUMBER}, {}),
    "accepted": ({"gen": TEXT, "chat": TEXT, "message": TEXT, "parent": TEXT}, {}),
    "start": ({"gen": TEXT, "epoch": NUMBER, "model": TEXT, "mode": TEXT, "off": NUMBER, "crc": TEXT}, {}),
    "delta": ({"gen": TEXT, "epoch": NUMBER, "seq": NUMBER, "off": NUMBER, "text": TEXT, "crc": TEXT}, {"part": TEXT}),
    "live": ({"gen": TEXT, "off": NUMBER}, {}),
    "rewind": ({"gen": TEXT, "epoch": NUMBER, "off": NUMBER, "crc": TEXT, "reason": TEXT}, {"seq": NUMBER}),
    "status": ({"gen": TEXT, "state": TEXT}, {"idle_ms": NUMBER}),
    "done": (
        {"gen": TEXT, "epoch": NUMBER, "seq": NUMBER, "off": NUMBER, "crc": TEXT, "state": TEXT, "usage": dict,
         "persisted": FLAG, "timing": dict},
        {"error": dict},
    ),
    "error": ({"code": TEXT, "message": TEXT, "retry": TEXT}, {"gen": TEXT, "after_ms": NUMBER}),
    "goaway": ({"in_ms": NUMBER, "spread_ms": NUMBER}, {}),
    "ping": ({}, {}),
}


def check_shape(m):
    must, may = SHAPES[m["type"]]
    members = {k: type(v) for k, v in m.items() if k != "type"}
    assert must.items() <= members.items() <= {**must, **may}.items(), m


class Stream:
    """One generation as this client holds it."""

    def __init__(self, gen=None, chat=None):
        self.gen = gen or uuid7()
        self.chat = chat or uuid7()
        self.data = b""
        self.crc = 0
        self.epoch = 1
        self.seq = 0
        self.acked = 0
        self.starts, self.rewinds, self.deltas, self.statuses = [], [], [], []
        self.accepted = self.done = self.error = self.live = None

    @property
    def text(self):
        return self.data.decode()

    def position(self, marks=()):
        p = {"gen": self.gen, "epoch": self.epoch, "off": len(self.data), "crc": hex8(self.crc)}
        if marks:
            p["marks"] = list(marks)
        return p

    def take(self, m):
        """Applies one message; raises AssertionError on anything the protocol does not allow."""
        kind = m["type"]
        if kind == "delta":
            data = m["text"].encode()
            assert data, "an empty delta"
            assert len(data) <= 65536
            assert m["off"] == len(self.data), f"delta at {m['off']}, have {len(self.data)}"
            self.data += data
            self.crc = crc32c(data, self.crc)
            assert m["crc"] == hex8(self.crc), "the checksum does not agree"
            assert m["seq"] >= self.seq, f"seq falls from {self.seq} to {m['seq']}"
            self.epoch, self.seq = m["epoch"], m["seq"]
            self.deltas.append(m)
        elif kind == "rewind":
            assert m["off"] <= len(self.data), "a rewind to what was never there"
            assert (m["reason"] == "diverged") == ("seq" not in m)
            assert m.get("seq", self.seq) >= self.seq
            self.seq = m.get("seq", 0)
            self.data = self.data[: m["off"]]
            self.crc = crc32c(self.data)
            assert m["crc"] == hex8(self.crc)
            self.acked = min(self.acked, len(self.data))
            self.rewinds.append(m)
        elif kind == "start":
            self.starts.append(m)
        elif kind == "status":
            self.statuses.append(m)
        elif kind == "accepted":
            self.accepted = m
        elif kind == "live":
            assert m["off"] == len(self.data)
            self.live = m
        elif kind == "done":
            assert m["off"] == len(self.data) and m["crc"] == hex8(self.crc), "done does not agree"
            assert m["seq"] > self.seq
            self.done = m
        elif kind == "error":
            self.error = m


def marks_of(stream, every=50):
    """Earlier positions of the stream, for `marks`."""
    data, marks = stream.data, []
    for off in range(every, len(data), every):
        while off < len(data) and data[off] & 0xC0 == 0x80:
            off += 1
        marks.append([off, hex8(crc32c(data[:off]))])
    return marks[-64:]


class Client:
    def __init__(self, url):
        self.url = url
        self.ws = None
        self.welcome = None
        self.others = []  # messages of no stream: active, goaway, error

    @classmethod
    async def open(cls, url, hello=True, resume=None, token=None, **connect):
        c = cls(url)
        c.ws = await websockets.connect(url, subprotocols=[SUBPROTOCOL], max_size=None, ping_interval=None, **connect)
        assert c.ws.subprotocol == SUBPROTOCOL
        if hello:
            m = {"type": "hello", "client": "wire.py"}
            if resume is not None:
                m["resume"] = resume
            if token is not None:
                m["token"] = token
            await c.say(m)
            c.welcome = await c.hear()
            assert c.welcome["type"] == "welcome", c.welcome
        return c

    async def say(self, message):
        await self.ws.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def hear(self, timeout=10):
        while True:
            m = json.loads(await asyncio.wait_for(self.ws.recv(), timeout))
            check_shape(m)
            if m["type"] != "ping":
                return m
            await self.say({"type": "pong"})

    async def hear_type(self, *types, timeout=10):
        while True:
            m = await self.hear(timeout)
            if m["type"] in types:
                return m
            self.others.append(m)

    async def send(self, stream, input, **more):
        await self.say({"type": "send", "gen": stream.gen, "chat": stream.chat, "input": input, **more})

    async def resume(self, stream, marks=()):
        stream.live = None
        await self.say({"type": "resume", **stream.position(marks)})

    async def step(self, stream, timeout=10):
        """The next message; applied if it is the stream's."""
        m = await self.hear(timeout)
        if m.get("gen") != stream.gen or m["type"] == "active":
            self.others.append(m)
            return m
        stream.take(m)
        if len(stream.data) - stream.acked >= 65536 or stream.done:
            stream.acked = len(stream.data)
            await self.say({"type": "ack", "gen": stream.gen, "off": stream.acked})
        return m

    async def until(self, stream, what, timeout=20):
        """Steps until what(stream) holds."""
        async with _deadline(timeout):
            while not what(stream):
                await self.step(stream, timeout)
        return stream

    async def finish(self, stream, timeout=30):
        return await self.until(stream, lambda s: s.done or s.error, timeout)

    async def ask(self, input, timeout=30, **more):
        stream = Stream(chat=more.pop("chat", None))
        await self.send(stream, input, **more)
        return await self.finish(stream, timeout)

    async def closed(self, timeout=10):
        """The close code, reading away what still comes."""
        async with _deadline(timeout):
            try:
                while True:
                    m = json.loads(await self.ws.recv())
                    self.others.append(m)
            except websockets.ConnectionClosed:
                return self.ws.close_code

    async def close(self):
        await self.ws.close()

    def drop(self):
        """The network is gone: no close frame."""
        self.ws.transport.abort()


class _deadline:
    """asyncio.timeout of Python 3.11 by another name, so that the failure says what was waited for."""

    def __init__(self, seconds):
        self.inner = asyncio.timeout(seconds)

    async def __aenter__(self):
        return await self.inner.__aenter__()

    async def __aexit__(self, *exc):
        return await self.inner.__aexit__(*exc)


def run(coroutine):
    return asyncio.run(coroutine)
