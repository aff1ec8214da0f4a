"""A client under fire: it keeps the rule of gateway/PROTOCOL.md §6 to the letter, comes back with full jitter, and notes all
that the protocol does not allow. It refuses to be lenient: what a real client would quietly mend is counted here.

    Stream   one generation as its reader has it: bytes, crc, marks, when what came
    Client   a connection that is opened again until all of its streams have ended
"""

import asyncio
import json
import random
import socket
import time

import websockets

MARK_BYTES = 64
STAY_AWAY = {1002, 1003, 1007, 1008, 1009, 1010}


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


def uuid7(chance):
    b = bytearray(int(time.time() * 1000).to_bytes(6, "big") + chance.randbytes(10))
    b[6], b[8] = 0x70 | b[6] & 0x0F, 0x80 | b[8] & 0x3F
    h = b.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


class Stream:
    def __init__(self, chance, tokens, rate, gaps):
        self.gen, self.chat = uuid7(chance), uuid7(chance)
        self.input = f"tell me of {chance.randrange(10**9)}"
        self.params = {"tokens": tokens, "rate": rate, "seed": chance.randrange(1, 10**6)}
        self.data, self.crc, self.epoch, self.acked = bytearray(), 0, 1, 0
        self.marks = []
        self.spans = []  # (off, epoch): from there on, under that epoch
        self.accepted, self.done, self.resuming = False, None, False
        self.ended = asyncio.Event()  # with done
        self.asked_at = self.first = None  # when it was begun; seconds from there to the first text
        self.gaps = gaps  # seconds between two texts, of all streams of a run
        self.failures, self.failed_at = 0, -1
        self.violations = []  # (kind, words)
        self.errors, self.rewinds, self.epochs = [], 0, 0
        self.lost_at = self.text_at = None  # when its connection broke; when text came last
        self.gap = 0.0  # longest silence between two texts
        self.straight = False  # no balancer between, that would close a connection to a server which has stopped
        self.resumed, self.taken = [], []  # seconds: after a broken connection; after a producer that died

    def violation(self, kind, words):
        self.violations.append((kind, words))

    def position(self):
        marks = [m for m in self.marks if m[0] < len(self.data)][-64:]
        return {"gen": self.gen, "epoch": self.epoch, "off": len(self.data), "crc": f"{self.crc:08x}",
                "marks": [[off, f"{crc:08x}"] for off, crc in marks]}

    def send(self):
        return {"type": "send", "gen": self.gen, "chat": self.chat, "input": self.input, "model": "richierich",
                "params": self.params}

    def broke(self, now):
        if self.accepted and self.lost_at is None:
            self.lost_at = now
        self.resuming = True

    # ------------------------------------------------------------ what comes; True: resume now

    def answered(self):
        """The answer to the outstanding resume begins."""
        self.resuming = False
        if self.lost_at is not None:
            self.resumed.append(time.monotonic() - self.lost_at)
            self.lost_at = None

    def cut(self, off):
        del self.data[off:]
        self.marks = [m for m in self.marks if m[0] <= off]
        self.spans = [x for x in self.spans if x[0] < off]
        self.crc = crc32c(self.data)
        self.acked = min(self.acked, off)

    def failed(self):
        have = len(self.data)
        self.failures = self.failures + 1 if self.failed_at == have else 1
        self.failed_at = have
        if self.failures >= 3:
            self.violation("lost", f"cannot go on at {have}")
        if self.failures == 2:
            self.cut(0)
            self.failed_at = 0
        self.resuming = True
        return True

    def took(self, epoch):
        now = time.monotonic()
        if self.text_at is not None:
            gap = now - self.text_at
            self.gap = max(self.gap, gap)
            self.gaps.append(gap)
            if epoch > self.epoch:
                self.taken.append(gap / (epoch - self.epoch))
        elif self.asked_at is not None:
            self.first = now - self.asked_at
        self.text_at = now

    def end(self, m):
        if self.text_at is not None:
            self.gap = max(self.gap, time.monotonic() - self.text_at)
        self.done = m
        self.ended.set()

    def on_delta(self, m):
        data, have = m["text"].encode(), len(self.data)
        off, epoch = m["off"], m["epoch"]
        if off > have:
            if self.resuming:
                return False
            self.violation("lost", f"delta at {off}, have {have}")
            return self.failed()
        if off < have:
            if not self.resuming:
                self.violation("duplicated", f"delta at {off}, have {have}")
            if off + len(data) <= have:
                return False
        tail = data[have - off:]
        crc = crc32c(tail, self.crc)
        if f"{crc:08x}" != m["crc"]:
            self.violation("reordered", f"wrong crc at {off}")
            return self.failed()
        self.answered()
        if epoch < self.epoch:
            self.violation("reordered", f"text of epoch {epoch} after {self.epoch}: a fenced write")
        self.took(epoch)
        if not self.spans or self.spans[-1][1] != epoch:
            self.spans.append((have, epoch))
        self.data += tail
        self.crc, self.epoch = crc, epoch
        if not self.marks or have - self.marks[-1][0] >= MARK_BYTES:
            self.marks.append((len(self.data), crc))
            self.marks = self.marks[-64:]
        return False

    def on_rewind(self, m):
        self.answered()
        self.rewinds += 1
        if m["off"] > len(self.data):
            self.violation("lost", f"rewind to {m['off']}, have {len(self.data)}")
            return self.failed()
        self.cut(m["off"])
        self.epoch = m["epoch"]
        if f"{self.crc:08x}" != m["crc"]:
            self.violation("reordered", f"wrong crc of a rewind to {m['off']}")
            return self.failed()
        return False

    def on_start(self, m):
        self.epochs = max(self.epochs, m["epoch"])
        return False

    def on_live(self, m):
        self.answered()
        if m["off"] != len(self.data):
            self.violation("lost", f"live at {m['off']}, have {len(self.data)}")
        return False

    def on_accepted(self, m):
        if self.accepted:
            self.cut(0)  # a repeated send is answered as a resume from 0
        self.accepted, self.resuming = True, False
        return False

    def on_done(self, m):
        self.answered()
        if m["off"] != len(self.data) or m["crc"] != f"{self.crc:08x}":
            self.violation("lost", f"done at {m['off']}, have {len(self.data)}")
            return self.failed()
        self.end(m)
        return False

    def on_error(self, m):
        self.errors.append(m["code"])
        if self.accepted and m["code"] in ("NOT_FOUND", "RESUME_GONE"):
            self.violation("lost", f"{m['code']}: {m['message']}")
            self.end(m)
        elif not self.accepted and m["retry"] == "never":
            self.violation("unended", f"{m['code']}: {m['message']}")
            self.end(m)
        return False


class Client:
    """urls: a function that says where to connect next."""

    def __init__(self, chance, url, slow=False):
        self.chance, self.url, self.slow = random.Random(chance.random()), url, slow
        self.reads = asyncio.Event()  # cleared: the client stands still
        self.reads.set()
        self.straight = False
        self.socket = socket.socket  # makes one
        self.streams = {}
        self.ws = self.node = None
        self.attempt, self.leave = 0, asyncio.Event()
        self.closing = False
        self.heard_at = 0.0
        self.closes, self.connects = [], 0

    def begin(self, stream):
        """Sent at once, or with the next connection; answered when stream.ended is set."""
        self.streams[stream.gen] = stream
        stream.asked_at = time.monotonic()
        if self.ws is not None:
            return self.say(stream.send())
        return asyncio.sleep(0)

    async def say(self, message):
        try:
            await self.ws.send(json.dumps(message))
        except (websockets.ConnectionClosed, AttributeError):
            pass  # the reader finds out

    def running(self):
        return [s for s in self.streams.values() if s.done is None]

    async def run(self):
        while not self.closing:
            try:
                await self.connected()
            except (OSError, asyncio.TimeoutError, EOFError, websockets.WebSocketException):
                pass
            finally:
                self.ws = None
            now = time.monotonic()
            for s in self.running():
                s.broke(now)
            if self.closing:
                return
            if self.leave.is_set():
                self.leave.clear()  # the first try is at once
                continue
            await asyncio.sleep(self.chance.uniform(0, min(20, 0.5 * 2 ** self.attempt)))
            self.attempt = min(self.attempt + 1, 6)

    async def connect(self, url):
        sock = self.socket()
        if self.slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # on the loopback 64 KiB, and so the sender's buffer MBs
        sock.setblocking(False)
        host, port = url.split("/")[2].split(":")
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(sock, (host, int(port))), 5)
        except BaseException:
            sock.close()
            raise
        return sock

    async def connected(self):
        url, more = self.url(), {}
        if self.slow:
            more = {"max_queue": 1, "read_limit": 4096}
        sock = await self.connect(url)
        async with websockets.connect(url, subprotocols=["lastword.v1.json"], max_size=None, ping_interval=None,
                                      compression=None, open_timeout=5, close_timeout=0.2, sock=sock, **more) as ws:
            known = [s for s in self.running() if s.accepted]
            first, rest = known[:16], known[16:]
            await ws.send(json.dumps({"type": "hello", "resume": [s.position() for s in first]}))
            welcome = json.loads(await asyncio.wait_for(ws.recv(), 10))
            if welcome["type"] != "welcome":
                return
            silence = welcome["ping_ms"] / 1000 + 10
            self.node, self.attempt = welcome["node"], 0
            self.connects += 1
            self.ws = ws
            for s in rest:
                await self.say({"type": "resume", **s.position()})
            for s in self.running():
                if not s.accepted:
                    await self.say(s.send())
            try:
                await self.read(ws, silence)
            finally:
                if ws.close_code is not None and not (self.leave.is_set() or self.closing):
                    self.closes.append(ws.close_code)  # of our own we do not wait long for the answer, which would be a 1006
                if ws.close_code in STAY_AWAY or 4500 <= (ws.close_code or 0) < 4600:
                    for s in self.running():
                        s.violation("unended", f"told to stay away: {ws.close_code}")

    async def read(self, ws, silence):
        self.heard_at = time.monotonic()
        guard = asyncio.ensure_future(self.guard(ws, silence))
        try:
            while True:
                await self.reads.wait()
                text = await ws.recv()
                self.heard_at = time.monotonic()
                m = json.loads(text)
                if m["type"] == "ping":
                    await self.say({"type": "pong"})
                elif m["type"] == "goaway":
                    asyncio.ensure_future(self.go_away(ws, m))
                elif m["type"] != "active":
                    await self.take(m)
        finally:
            guard.cancel()

    async def guard(self, ws, silence):
        """Nothing came for so long: the connection is dead."""
        while (left := self.heard_at + silence - time.monotonic()) > 0 or not self.reads.is_set():
            await asyncio.sleep(max(left, 0.1))
        ws.transport.abort()

    async def go_away(self, ws, m):
        await asyncio.sleep(m["in_ms"] / 1000 + self.chance.uniform(0, m["spread_ms"] / 1000))
        self.leave.set()
        await ws.close()

    async def take(self, m):
        s = self.streams.get(m.get("gen"))
        if s is None or s.done is not None:
            return
        handle = getattr(s, "on_" + m["type"], None)
        if handle and handle(m):
            await self.say({"type": "resume", **s.position()})
        if len(s.data) - s.acked >= 65536 or s.done:
            s.acked = len(s.data)
            await self.say({"type": "ack", "gen": s.gen, "off": s.acked})
        if m["type"] == "error" and not s.accepted and s.done is None:
            asyncio.ensure_future(self.again(s, m))

    async def again(self, s, m):
        await asyncio.sleep(m.get("after_ms", 500) / 1000 + self.chance.uniform(0, 0.5))
        if not s.accepted and s.done is None and self.ws is not None:
            await self.say(s.send())

    async def close(self):
        self.closing = True
        if self.ws is not None:
            await self.ws.close()
