"""For tests of bad input: a gateway that must serve a client of before and one of after, and requests byte by byte."""

import json

import pytest
from raw import Raw
from wire import Client, run, uuid7


def ask_once(url, text="ping?"):
    async def go():
        c = await Client.open(url)
        s = await c.ask(text, model="richierich-echo")
        assert s.done and s.done["state"] == "complete", s.error
        await c.close()

    run(go())


@pytest.fixture
def gw(gateway):
    """A gateway that must serve a connection of before and one of after."""
    g = gateway(limits={"hello_ms": 1500, "header_ms": 1500})
    witness = Raw(g.port).open().hello()
    yield g
    gen = uuid7()
    witness.text({"type": "send", "gen": gen, "chat": uuid7(), "input": "still?", "model": "richierich-echo"})
    while (m := witness.message())["type"] != "done":
        assert m["type"] != "error", m
    assert m["state"] == "complete"
    witness.close()
    ask_once(g.ws)


def request(line="GET /livez HTTP/1.1", *headers, body=b"", host=True):
    lines = [line] + (["Host: 127.0.0.1"] if host else []) + list(headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


CHAT = json.dumps({"model": "richierich-echo", "messages": [{"role": "user", "content": "ping"}]}).encode()
POST = "POST /v1/chat/completions HTTP/1.1"
JSON = "Content-Type: application/json"
