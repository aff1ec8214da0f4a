"""The mock upstream: continuing from any prefix, bad requests, connections, statistics."""

import json
import os
import pathlib
import re
import socket
import struct

import pytest
import requests
from richierich_client import CHAT, Raw, Sse, body, post, stream


# --- continuation ---


@pytest.mark.parametrize("model", ["richierich", "richierich-rrml", "richierich-echo"])
def test_every_prefix_continues_byte_by_byte(mock, model):
    text = "naïve 日本語 words 👩‍🚀 and more"
    whole = mock.answer(model, text, tokens=60)
    ends = set()
    for t in stream(mock, model, text, rate=0, tokens=60).texts:
        ends.add(max(ends, default=0) + len(t))
    with requests.Session() as http:
        for cut in range(len(whole) + 1):
            data = body(model, text, prefix=whole[:cut], rate=0, tokens=60)
            s = Sse(http.post(mock.url + CHAT, json=data, timeout=10).content.decode())
            assert whole[:cut] + s.text == whole and s.done
            assert s.usage["completion_tokens"] == len(s.texts)
            assert cut + len(s.texts[0]) in ends if s.texts else cut == len(whole)
    stats = mock.stats()
    assert stats["continuations"] == len(whole) + 1
    assert stats["last"][-1]["prefix_len"] == len(whole.encode())


def test_a_prefix_has_the_tokens_it_was_made_of(mock):
    texts = stream(mock, rate=0).texts
    asked = stream(mock, rate=0).usage["prompt_tokens"]
    mock.reset()
    for n in (0, 1, 40, 200):
        usage = stream(mock, rate=0, prefix="".join(texts[:n])).usage
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (asked + n, 200 - n)
    assert stream(mock, rate=0, prefix="".join(texts[:40])[:-1]).usage["prompt_tokens"] == asked + 40  # a token is whole or not
    assert mock.stats()["prompt_tokens"] == 5 * asked + 1 + 40 + 200 + 40


def test_an_earlier_answer_is_no_prefix(mock):
    data = body(rate=0)
    data["messages"][1:1] = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "an answer"}]
    assert Sse(post(mock, data).content.decode()).text == mock.answer("richierich", "hello")
    assert mock.stats()["last"][-1]["prefix_len"] == 0 and mock.stats()["continuations"] == 0


def test_the_ways_to_ask_for_a_continuation(mock):
    whole = mock.answer("richierich", "hello")
    for more in ({}, {"continue_final_message": True, "add_generation_prompt": False}):
        assert stream(mock, prefix=whole[:50], rate=0, **more).text == whole[50:]
    data = body(prefix=whole[:50], rate=0)
    data["messages"][-1]["prefix"] = True
    assert Sse(post(mock, data).content.decode()).text == whole[50:]
    assert stream(mock, prefix="", rate=0).text == whole
    reply = post(mock, body(prefix=whole[:50], stream=False)).json()
    assert reply["choices"][0]["message"]["content"] == whole[50:]
    assert stream(mock, prefix=whole[:50], rate=0, max_tokens=3).finish == "length"


@pytest.mark.parametrize("prefix", ["no", "longer"])
def test_a_prefix_that_does_not_fit(mock, prefix):
    if prefix == "longer":
        prefix = mock.answer("richierich", "hello") + "!"
    reply = post(mock, body(prefix=prefix))
    assert reply.status_code == 400 and reply.json()["error"]["code"] == "prefix_mismatch"
    assert mock.stats()["refused"] == 1


# --- bad requests ---


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b'{"model":7}',
        b'{"model":"richierich"}',
        b'{"model":"richierich","messages":{}}',
        b'{"model":"richierich","messages":[]}',
        b'{"model":"richierich","messages":[7]}',
        b'{"model":"richierich","messages":[{"role":7}]}',
        b'{"model":"richierich","messages":[{"role":"user","content":7}]}',
        b'{"model":"richierich","messages":[{"role":"user","content":[7]}]}',
    ],
)
def test_bad_bodies(mock, data):
    reply = requests.post(mock.url + CHAT, data=data, timeout=10)
    assert reply.status_code == 400
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "field,value",
    [("stream", 1), ("tokens", -1), ("tokens", 10**7), ("tokens", 1.5), ("tokens", "x"), ("rate", -1), ("rate", []),
     ("jitter", 2), ("fault", "s99"), ("fault_mode", "what"), ("fail_attempts", -2), ("token_size", 10**6),
     ("max_tokens", 0), ("max_tokens", "7"), ("stop", 7), ("stop", [7]), ("stop", ["a"] * 5), ("seed", "x"),
     ("first_token_ms", 10**9)],
)  # fmt: skip
def test_bad_fields(mock, field, value):
    reply = post(mock, body(**{field: value}))
    assert reply.status_code == 400 and field in reply.json()["error"]["message"]


def test_unknown_model_path_and_method(mock):
    reply = post(mock, body("gpt-4"))
    assert reply.status_code == 404 and reply.json()["error"]["code"] == "model_not_found"
    assert requests.get(mock.url + "/nothing", timeout=10).status_code == 404
    assert requests.get(mock.url + CHAT, timeout=10).status_code == 405
    assert requests.get(mock.url + "/v1/stream", timeout=10).status_code == 426
    assert requests.get(mock.url + "/v1/answer?model=richierich&what=1", timeout=10).status_code == 400


def test_too_large(mock):
    reply = requests.post(mock.url + CHAT, data=b"x" * (8 * 2**20 + 1), timeout=20)
    assert reply.status_code == 413
    chunked = requests.post(mock.url + CHAT, data=(b"x" * 2**20 for _ in range(9)), timeout=20)
    assert chunked.status_code == 413
    whole = body("richierich-echo", "y" * 4_000_000, stream=False)
    assert post(mock, whole).json()["choices"][0]["message"]["content"] == "y" * 4_000_000


@pytest.mark.parametrize("junk", [b"\0\0\0\0\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                  b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 40_000])  # fmt: skip
def test_junk_is_refused_and_closed(mock, junk):
    with socket.create_connection(("127.0.0.1", mock.port), timeout=10) as s:
        s.sendall(junk)
        got = b""
        while piece := s.recv(65536):
            got += piece
        assert re.match(rb"HTTP/1.1 4\d\d ", got)


# --- connections ---


def test_keep_alive_and_pipelining(mock):
    one = json.dumps(body(rate=0, tokens=3)).encode()
    request = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(one), one)
    with socket.create_connection(("127.0.0.1", mock.port), timeout=10) as s:
        s.sendall(request * 3 + b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
        got = b""
        while piece := s.recv(65536):
            got += piece
    assert got.count(b"HTTP/1.1 200 OK") == 4 and got.count(b"[DONE]") == 3 and got.endswith(b"ok\n")


def test_request_split_at_every_byte(mock):
    payload = json.dumps(body(stream=False, tokens=2)).encode()
    request = b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(payload), payload)
    with socket.create_connection(("127.0.0.1", mock.port), timeout=10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(request)):
            s.sendall(request[i : i + 1])
        assert s.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_http_1_0_gets_no_chunks(mock):
    payload = json.dumps(body(rate=0, tokens=5)).encode()
    with socket.create_connection(("127.0.0.1", mock.port), timeout=10) as s:
        s.sendall(b"POST %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(payload), payload))
        got = b""
        while piece := s.recv(65536):
            got += piece
    head, rest = got.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head and len(Sse(rest.decode()).texts) == 5 and rest.endswith(b"data: [DONE]\n\n")


def test_a_client_that_leaves_is_noticed_at_once(mock):
    r = Raw(mock, body("richierich-slow"))
    r.until(b'"content"')
    assert mock.stats()["running"] == 1
    r.close()
    mock.wait_for(lambda s: s["running"] == 0, timeout=2)
    stats = mock.stats()
    assert stats["aborted"] == 1 and stats["last"][-1]["ended"] == "aborted"


def test_a_client_that_does_not_read_stops_its_stream_and_nobody_elses(mock):
    r = Raw(mock, body("richierich-long", tokens=1_000_000))
    r.until(b'"content"')
    before = pathlib.Path(f"/proc/{mock.pid}/statm").read_text().split()[1]
    assert stream(mock, "richierich-fast").done
    after = pathlib.Path(f"/proc/{mock.pid}/statm").read_text().split()[1]
    assert (int(after) - int(before)) * os.sysconf("SC_PAGE_SIZE") < 20e6
    assert mock.stats()["running"] == 1
    while not r.bytes.endswith(b"0\r\n\r\n") and len(r.reads) < 50:
        r.read()  # it goes on where it stood
    assert len(r.bytes) > 500_000
    r.close()


def test_ten_thousand_connections(mock):
    socks = [socket.create_connection(("127.0.0.1", mock.port)) for _ in range(9_000)]
    try:
        assert stream(mock, rate=0, tokens=5).done
        socks[5000].sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert b"200 OK" in socks[5000].recv(4096)
    finally:
        for s in socks:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()


# --- statistics ---


def test_stats(mock):
    stream(mock, rate=0)
    with pytest.raises(requests.RequestException):
        stream(mock, "richierich-s08")
    stream(mock, "richierich-s08")
    s = mock.stats()
    assert s["requests"] == 3 and s["models"] == {"richierich": 1, "richierich-s08": 2}
    assert s["tokens"] == 200 + 40 + 200 and s["faults"] == {"s08": 1} and s["prompt_tokens"] == 9
    assert (s["started"], s["finished"], s["faulted"], s["aborted"], s["running"]) == (3, 2, 1, 0, 0)
    assert [(n["model"], n["attempt"], n["tokens_sent"], n["ended"]) for n in s["last"]] == [
        ("richierich", 0, 200, "done"), ("richierich-s08", 1, 40, "fault"), ("richierich-s08", 2, 200, "done")]  # fmt: skip
    assert s["last"][1]["key"] == s["last"][2]["key"] != s["last"][0]["key"]
    mock.reset()
    assert mock.stats()["requests"] == 0 and mock.stats()["last"] == []
    assert post(mock, body("richierich-s03")).status_code == 500
    mock.reset()
    assert post(mock, body("richierich-s03")).status_code == 500  # attempts are forgotten


def test_the_spend_of_what_still_runs(mock):
    r = Raw(mock, body("richierich-s09", rate=0))  # stalls after 40 tokens
    r.until(b"\r\n\r\n")
    mock.wait_for(lambda s: s["tokens"] == 40)
    s = mock.stats()
    assert s["running"] == 1 and (s["last"][0]["tokens_sent"], s["last"][0]["ended"]) == (40, "running")
    mock.reset()
    r.close()
    mock.wait_for(lambda s: s["running"] == 0)
    assert mock.stats()["tokens"] == 0  # what was begun before the reset counts no more


def test_the_last_sixty_four(mock):
    for i in range(70):
        stream(mock, tokens=i, rate=0)
    last = mock.stats()["last"]
    assert [n["tokens_sent"] for n in last] == list(range(6, 70))
