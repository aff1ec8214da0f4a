"""Asking the mock upstream: through an HTTP library, or over a socket of our own where the bytes matter."""

import json
import select
import socket
import time

import requests

CHAT = "/v1/chat/completions"


def body(model="richierich", text="hello", prefix=None, **fields):
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": text}]
    if prefix is not None:
        messages.append({"role": "assistant", "content": prefix})
    return {"model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}, **fields}


class Sse:
    """What the events of a stream say."""

    def __init__(self, raw):
        self.raw = raw
        self.events, self.bad, self.errors, self.texts = [], [], [], []
        self.finish = self.usage = None
        self.done = False
        for line in raw.replace("\r\n", "\n").split("\n"):
            if line == "data: [DONE]":
                self.done = True
            elif line.startswith("data: "):
                self.take(line[6:])

    def take(self, data):
        try:
            event = json.loads(data)
        except ValueError:
            self.bad.append(data)
            return
        self.events.append(event)
        self.usage = event.get("usage") or self.usage
        if "error" in event:
            self.errors.append(event["error"])
        for choice in event.get("choices", []):
            self.finish = choice["finish_reason"] or self.finish
            if choice["delta"].get("content"):
                self.texts.append(choice["delta"]["content"])

    @property
    def text(self):
        return "".join(self.texts)


def post(mock, data, path=CHAT, **more):
    return requests.post(mock.url + path, json=data, timeout=60, **more)


def stream(mock, *args, **fields):
    reply = post(mock, body(*args, **fields))
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/event-stream")
    return Sse(reply.content.decode())


class Raw:
    """A request over a socket of our own; `reads` are the pieces as they came, with their times."""

    def __init__(self, mock, data, path=CHAT, receive=65536):
        self.sock = socket.create_connection(("127.0.0.1", mock.port), timeout=20)
        payload = json.dumps(data).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: mock\r\nContent-Length: {len(payload)}\r\n\r\n"
        self.sock.sendall(head.encode() + payload)
        self.receive = receive
        self.reads = []

    def read(self):
        """One piece; b"" at the end, or raises what the socket raises."""
        piece = self.sock.recv(self.receive)
        self.reads.append((time.monotonic(), piece))
        return piece

    @property
    def bytes(self):
        return b"".join(piece for _, piece in self.reads)

    def until(self, mark):
        while mark not in self.bytes:
            assert self.read(), self.bytes
        return self.bytes

    def chunks(self):
        """The chunks of the body so far, whole ones, and whether the last came."""
        rest, found = self.bytes.split(b"\r\n\r\n", 1)[1], []
        while b"\r\n" in rest:
            size, after = rest.split(b"\r\n", 1)
            n = int(size, 16)
            if len(after) < n + 2:
                break
            assert after[n : n + 2] == b"\r\n"
            if n == 0:
                return found, True
            found.append(after[:n])
            rest = after[n + 2 :]
        return found, False

    def silent_for(self, seconds):
        return not select.select([self.sock], [], [], seconds)[0]

    def close(self):
        self.sock.close()
