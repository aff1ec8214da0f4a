"""Sockets without manners: HTTP and WebSocket bytes by hand, for what no client library would send."""

import base64
import json
import os
import socket
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def code(self):
        """Of the JSON error; its shape is checked."""
        error = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"} and error["message"]
        return error["code"]


class Raw:
    def __init__(self, port, timeout=15):
        self.s = socket.create_connection(("127.0.0.1", port), timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.have = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.s.close()

    def reset(self):
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.s.close()

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def more(self):
        """False: the peer has closed."""
        try:
            data = self.s.recv(65536)
        except ConnectionResetError:
            return False
        self.have += data
        return bool(data)

    def take(self, n):
        while len(self.have) < n:
            assert self.more(), f"closed, {n - len(self.have)} bytes short"
        data, self.have = self.have[:n], self.have[n:]
        return data

    def take_line(self):
        while b"\r\n" not in self.have:
            assert self.more(), f"closed within a line: {self.have[:200]!r}"
        line, self.have = self.have.split(b"\r\n", 1)
        return line.decode("latin-1")

    # ---------------------------------------------------------------- HTTP

    def answer(self, head=False):
        status = self.take_line().split(" ", 2)
        assert status[0] in ("HTTP/1.1", "HTTP/1.0"), status
        headers = {}
        while line := self.take_line():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        code = int(status[1])
        if head or code in (204, 304) or code < 200:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.take_line(), 16):
                body += self.take(size)
                assert self.take_line() == ""
            assert self.take_line() == ""
        else:
            body = self.take(int(headers["content-length"]))
        return Answer(code, headers, body)

    def closed(self):
        """True when the peer closes, whatever it says before."""
        while self.more():
            pass
        return True

    # ---------------------------------------------------------------- WebSocket

    def upgrade(self, **changes):
        self.send(upgrade_request(**changes))

    def open(self, **changes):
        self.upgrade(**changes)
        assert self.answer().status == 101
        return self

    def hello(self):
        self.text({"type": "hello"})
        assert self.message()["type"] == "welcome"
        return self

    def text(self, message):
        self.send(frame(TEXT, message if isinstance(message, (str, bytes)) else json.dumps(message)))

    def frame(self):
        """(opcode, payload)"""
        first, second = self.take(2)
        assert first & 0x80 and not second & 0x80, "a server sends whole frames, unmasked"
        size = second
        if size == 126:
            (size,) = struct.unpack(">H", self.take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(size)

    def message(self, active=False):
        """The next one, but for pings and (unless wanted) what happens to other generations of the owner."""
        while True:
            opcode, payload = self.frame()
            if opcode == TEXT:
                m = json.loads(payload)
                if m["type"] == "ping":
                    self.text({"type": "pong"})
                elif m["type"] != "active" or active:
                    return m
            else:
                assert opcode in (PING, PONG), f"opcode {opcode}: {payload!r}"

    def close_code(self):
        """Reads to the close frame and answers it; the code. None: closed without."""
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == CLOSE:
                    try:
                        self.send(frame(CLOSE, payload[:2]))
                    except OSError:
                        pass
                    return struct.unpack(">H", payload[:2])[0] if payload else 1005
        except AssertionError as e:
            if "closed," in str(e):
                return None
            raise


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0, length=None):
    """`length`: announce another than the payload's."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    long_key = (key * (len(payload) // 4 + 1))[: len(payload)]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(long_key, "big")).to_bytes(len(payload), "big")
    return head + key + masked


def upgrade_request(method="GET", path="/v1/ws", http="HTTP/1.1", drop=(), **headers):
    """A proper one, but for the changes; `sec_websocket_version="12"` sets a header."""
    fields = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "lastword.v1.json",
    }
    for name, value in headers.items():
        wanted = name.replace("_", "-").lower()
        known = [k for k in fields if k.lower() == wanted]
        fields[known[0] if known else wanted] = value
    lines = [f"{method} {path} {http}"] + [f"{k}: {v}" for k, v in fields.items() if k not in drop]
    return "\r\n".join(lines) + "\r\n\r\n"


def until(what, seconds=15, every=0.02):
    """Waits until what() is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(every)
