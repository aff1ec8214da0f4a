"""POST /v1/chat/completions, /v1/models and /v1/generations: what an OpenAI client sees, and what it may resume."""

import concurrent.futures
import json
import time
import uuid

import pytest
import requests
from sse import Transcript
from wire import Client, crc32c, hex8, run, uuid7

COMPLETIONS = "/v1/chat/completions"


def body(text="hello world", model="richierich-echo", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def ask(g, *args, headers=None, stream_reply=False, **more):
    return g.request("POST", COMPLETIONS, json=body(*args, **more), headers=headers, stream=stream_reply)


def ask_stream(g, *args, headers=None, **more):
    return ask(g, *args, headers=headers, stream_reply=True, stream=True, **more)


def wait_for(what, seconds=10):
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


def generation(g, gen):
    return g.get(f"/v1/generations/{gen}")


def wait_until_done(g, gen):
    return wait_for(lambda: (r := generation(g, gen).json())["state"] not in ("running", "queued") and r)


# ------------------------------------------------------------------ whole answers


def test_whole_answer(gateway, mock):
    g = gateway()
    r = ask(g, headers={"X-Request-Id": "my-request.1"})
    assert r.status_code == 200 and r.headers["content-type"] == "application/json"
    assert r.headers["x-request-id"] == "my-request.1"
    answer = r.json()
    assert answer["id"] == "chatcmpl-" + r.headers["lastword-gen"]
    assert answer["object"] == "chat.completion" and answer["model"] == "richierich-echo"
    assert abs(answer["created"] - time.time()) < 60
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hello world", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_messages_and_fields_reach_the_upstream_as_they_are(gateway, mock):
    g = gateway()
    messages = [
        {"role": "system", "content": "be short"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "an answer"},
        {"role": "user", "content": [{"type": "text", "text": "sec"}, {"type": "text", "text": "ond"}]},
    ]
    r = g.request("POST", COMPLETIONS, json={"model": "richierich-fast", "messages": messages, "tokens": 7, "seed": 3})
    assert r.json()["choices"][0]["message"]["content"] == mock.answer("richierich-fast", "second", tokens=7, seed=3)
    assert r.json()["usage"]["completion_tokens"] == 7


def test_the_model_that_really_served_is_named(gateway):
    answer = ask(gateway(), model="richierich-s16").json()
    assert answer["model"] == "richierich-s16-2026"


def test_length_and_filter_are_finish_reasons(gateway):
    g = gateway()
    assert ask(g, model="richierich-length").json()["choices"][0]["finish_reason"] == "length"
    for extra in ({}, {"fault_mode": "stream"}):
        r = ask(g, model="richierich-s13", **extra)
        assert r.json()["choices"][0]["finish_reason"] == "content_filter", r.text
        t = Transcript().read(ask_stream(g, model="richierich-s13", **extra))
        assert t.done and t.finish == "content_filter"


def test_unknown_usage_is_null(gateway):
    assert ask(gateway(), model="richierich-nousage").json()["usage"] is None


# ------------------------------------------------------------------ streams


def test_stream(gateway, mock):
    g = gateway()
    r = ask_stream(g, "a text", "richierich-fast")
    assert r.status_code == 200 and r.headers["content-type"].startswith("text/event-stream")
    t = Transcript().read(r)
    assert t.done and t.finish == "stop" and not t.error and t.usage is None
    assert t.text.decode() == mock.answer("richierich-fast", "a text")
    first = t.chunks[0]
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert first["id"] == "chatcmpl-" + r.headers["lastword-gen"]
    assert all(c["id"] == first["id"] and c["created"] == first["created"] for c in t.chunks)
    assert all("usage" not in c for c in t.chunks)


def test_positions_begin_at_nothing_and_done_repeats_the_last(gateway):
    from sse import read_events

    events = list(read_events(ask_stream(gateway())))
    assert events[0].id == "1-0-00000000"
    assert events[-1].data == "[DONE]" and events[-1].id == events[-2].id == f"1-11-{hex8(crc32c(b'hello world'))}"


def test_include_usage(gateway):
    t = Transcript().read(ask_stream(gateway(), stream_options={"include_usage": True}))
    assert t.chunks[-1]["choices"] == [] and t.chunks[-1]["usage"]["completion_tokens"] == 2
    assert all(c["usage"] is None for c in t.chunks[:-1])


def test_tokens_come_as_they_come(gateway):
    r = ask_stream(gateway(), "slow", "richierich", tokens=20, rate=20)
    began, arrivals = time.monotonic(), []
    Transcript().read(r, until=lambda t: arrivals.append(time.monotonic() - began))
    assert arrivals[0] < 0.5 and arrivals[-1] > 0.6
    assert len(arrivals) > 15


def test_silence_is_broken_by_comments(gateway):
    g = gateway(heartbeat={"sse_ms": 100})
    comments = []
    t = Transcript().read(ask_stream(g, "x", "richierich", tokens=3, first_token_ms=700), comments=comments)
    assert t.done and len(comments) >= 3 and set(comments) == {": keepalive"}


# ------------------------------------------------------------------ refusals

BAD = [
    (b"{", None),
    (b"[]", None),
    (b'"text"', None),
    (b"", None),
    (b"\xff\xfe", None),
    (b"[" * 100_000, None),
    (b"{}", "messages"),
    (b'{"messages":[]}', "messages"),
    (b'{"messages":"hi"}', "messages"),
    (b'{"messages":[1]}', "messages"),
    (b'{"messages":[{"content":"x"}]}', "messages"),
    (b'{"messages":[{"role":"king","content":"x"}]}', "messages"),
    (b'{"messages":[{"role":"user"}]}', "messages"),
    (b'{"messages":[{"role":"user","content":5}]}', "messages"),
    (b'{"messages":[{"role":"user","content":[]}]}', "messages"),
    (b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}', "messages"),
    (b'{"messages":[{"role":"user","content":[{"type":"text"}]}]}', "messages"),
    (b'{"model":7,"messages":[{"role":"user","content":"x"}]}', "model"),
    (b'{"model":"","messages":[{"role":"user","content":"x"}]}', "model"),
    (b'{"n":2,"messages":[{"role":"user","content":"x"}]}', "n"),
    (b'{"n":"1","messages":[{"role":"user","content":"x"}]}', "n"),
    (b'{"stream":"yes","messages":[{"role":"user","content":"x"}]}', "stream"),
    (b'{"stream_options":{},"messages":[{"role":"user","content":"x"}]}', "stream_options"),
    (b'{"stream":true,"stream_options":3,"messages":[{"role":"user","content":"x"}]}', "stream_options"),
    (b'{"stream":true,"stream_options":{"include_usage":1},"messages":[{"role":"user","content":"x"}]}', "stream_options"),
    (b'{"temperature":"hot","messages":[{"role":"user","content":"x"}]}', "temperature"),
    (b'{"top_p":2,"messages":[{"role":"user","content":"x"}]}', "top_p"),
    (b'{"max_tokens":0,"messages":[{"role":"user","content":"x"}]}', "max_tokens"),
    (b'{"seed":1.5,"messages":[{"role":"user","content":"x"}]}', "seed"),
    (b'{"stop":[1],"messages":[{"role":"user","content":"x"}]}', "stop"),
]


def test_bad_requests_say_what_is_wrong(gateway, mock):
    g = gateway()
    for data, param in BAD:
        r = g.request("POST", COMPLETIONS, data=data, headers={"Content-Type": "application/json"})
        assert r.status_code == 400, (data[:80], r.text)
        error = r.json()["error"]
        assert error["type"] == "invalid_request_error" and error["message"] and error["code"] == "BAD_REQUEST"
        assert error["param"] == param, (data[:80], error)
        assert "params" not in error["message"]  # a word of the WebSocket's
    assert mock.requests() == 0
    assert ask(g).status_code == 200


def test_null_members_count_as_absent(gateway):
    r = ask(gateway(), stream=None, n=None, temperature=None, stop=None, stream_options=None, max_tokens=None)
    assert r.status_code == 200


def test_content_type_must_be_json(gateway):
    g = gateway()
    for kind in ("text/plain", "application/jsonx", ""):
        r = g.request("POST", COMPLETIONS, data=json.dumps(body()), headers={"Content-Type": kind})
        assert r.status_code == 415 and r.json()["error"]["param"] == "content-type"
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert g.request("POST", COMPLETIONS, data=json.dumps(body()), headers=headers).status_code == 200


def test_unknown_model(gateway):
    g = gateway()
    for stream in (False, True):
        r = ask(g, model="no-such-model", stream=stream)
        error = r.json()["error"]
        assert r.status_code == 404 and error["code"] == "model_not_found" and error["param"] == "model"
        assert "richierich" in error["message"]


def test_too_large(gateway):
    g = gateway(limits={"prompt_bytes": 100, "http_body_bytes": 20000})
    assert ask(g, "x" * 101).status_code == 413
    assert ask(g, "x" * 30000).status_code == 413
    assert ask(g, "x" * 100).status_code == 200


@pytest.mark.parametrize(
    "model,status,code",
    [
        ("richierich-s02", 429, "RATE_LIMITED"),
        ("richierich-s04", 503, "UPSTREAM_UNAVAILABLE"),
        ("richierich-s12", 400, "context_length_exceeded"),
        ("richierich-s05-forever", 502, "UPSTREAM_ERROR"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_fails_early_is_a_status(gateway, model, status, code, stream):
    g = gateway(upstream={"attempts": 2, "backoff_ms": 1, "backoff_max_ms": 20, "breaker_failures": 100},
                routes=[{"model": "wrong", "to": [{"upstream": "mock", "model": model}]}])
    r = ask(g, model="wrong", stream=stream)
    assert r.status_code == status, r.text
    assert r.headers["content-type"] == "application/json"
    assert r.json()["error"]["message"] and r.json()["error"]["code"] == code
    assert ("retry-after" in r.headers) == (status != 400)
    assert generation(g, r.headers["lastword-gen"]).json()["state"] == "error"


def test_busy_conversation(gateway):
    g, chat = gateway(), uuid7()
    headers = {"Lastword-Chat": chat}
    r = ask_stream(g, "long", "richierich-slow", headers=headers)
    Transcript().read(r, until=lambda t: t.text)
    busy = ask(g, headers=headers)
    assert busy.status_code == 409 and busy.json()["error"]["code"] == "BUSY"
    g.request("DELETE", f"/v1/generations/{r.headers['lastword-gen']}")


def test_header_fields_are_checked(gateway):
    g = gateway()
    assert ask(g, headers={"Lastword-Chat": "mine"}).status_code == 400
    assert ask(g, headers={"Lastword-On-Disconnect": "explode"}).status_code == 400


# ------------------------------------------------------------------ the same ask again


@pytest.mark.parametrize("key", ["5f0c1f5e-6e0c-4c8b-9d0a-2f8f6f7f1a01", "order 4711: (ü)".encode()])
def test_idempotency_key(gateway, mock, key):
    g = gateway()
    headers = {"Idempotency-Key": key}
    first = ask(g, headers=headers)
    again = ask(g, headers=headers)
    streamed = Transcript().read(ask_stream(g, headers=headers))
    assert first.json() == again.json()
    assert streamed.done and streamed.text.decode() == first.json()["choices"][0]["message"]["content"]
    assert first.headers["lastword-gen"] == again.headers["lastword-gen"]
    if isinstance(key, str):
        assert first.headers["lastword-gen"] == key
    assert mock.requests() == 1
    other = ask(g, "another text", headers=headers)
    assert other.status_code == 409 and other.json()["error"]["code"] == "CONFLICT"


def test_the_same_key_at_the_same_time(gateway, mock):
    g = gateway()
    headers = {"Idempotency-Key": "all at once"}

    def one(stream):
        r = ask(g, "tell me", "richierich", headers=headers, stream_reply=stream, stream=stream, tokens=20, rate=50)
        assert r.status_code == 200
        return Transcript().read(r).text.decode() if stream else r.json()["choices"][0]["message"]["content"]

    def other(text):
        return ask(g, text, "richierich", headers={"Idempotency-Key": "one of two"}, tokens=5).status_code

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = set(pool.map(one, [False, True] * 6))
        assert answers == {mock.answer("richierich", "tell me", tokens=20)} and mock.requests() == 1
        assert sorted(pool.map(other, ["this", "that"])) == [200, 409]


def test_idempotency_key_survives_a_restart(gateway, mock):
    g = gateway()
    headers = {"Idempotency-Key": "once and for all"}
    first = ask(g, headers=headers).json()
    assert g.stop() == 0
    g.start()
    assert ask(g, headers=headers).json() == first
    assert mock.requests() == 1


def test_a_conversation_goes_on(gateway):
    g, chat = gateway(), uuid7()
    for text in ("one", "two"):
        assert ask(g, text, headers={"Lastword-Chat": chat}).headers["lastword-chat"] == chat
    messages = g.get(f"/v1/conversations/{chat}").json()["messages"]
    assert [m["text"] for m in messages] == ["one", "one", "two", "two"]
    assert [m["parent"] for m in messages] == [None] + [m["id"] for m in messages[:3]]


# ------------------------------------------------------------------ clients that go


def test_a_client_that_goes_leaves_the_answer_running(gateway, mock):
    g = gateway()
    r = ask_stream(g, "bye", "richierich", tokens=60, rate=200)
    Transcript().read(r, until=lambda t: t.text)
    r.close()
    done = wait_until_done(g, r.headers["lastword-gen"])
    assert done["state"] == "complete" and done["text"] == mock.answer("richierich", "bye", tokens=60)


def test_a_client_that_goes_may_want_it_cancelled(gateway, mock):
    g = gateway(limits={"disconnect_ms": 50})
    r = ask_stream(g, "bye", "richierich-slow", headers={"Lastword-On-Disconnect": "cancel"})
    Transcript().read(r, until=lambda t: t.text)
    r.close()
    assert wait_until_done(g, r.headers["lastword-gen"])["state"] == "cancelled"


def test_a_rewind_ends_a_stream_that_cannot_rewind(gateway, mock):
    g = gateway(continuation="none", upstream={"backoff_ms": 1, "backoff_max_ms": 5})
    t = Transcript().read(ask_stream(g, "again", "richierich-s08"))
    if not t.error:
        pytest.fail(f"no rewind came: {t.finish} {len(t.text)}")
    assert not t.done and t.finish is None and t.error["type"] == "server_error"


def test_a_broken_upstream_is_taken_up_where_it_stopped(gateway, mock):
    g = gateway(upstream={"backoff_ms": 1, "backoff_max_ms": 5})
    t = Transcript().read(ask_stream(g, "again", "richierich-s08"))
    assert t.done and t.finish == "stop" and not t.rewinds
    assert t.text.decode() == mock.answer("richierich-s08", "again")


# ------------------------------------------------------------------ generations


def test_generation(gateway, mock):
    g = gateway()
    r = ask(g, "show me", "richierich-fast", tokens=30)
    gen, text = r.headers["lastword-gen"], mock.answer("richierich-fast", "show me", tokens=30)
    shown = generation(g, gen).json()
    assert shown["gen"] == gen and shown["chat"] == r.headers["lastword-chat"] and shown["state"] == "complete"
    assert shown["text"] == text and shown["off"] == len(text.encode()) and shown["epoch"] == 1
    assert shown["crc"] == hex8(crc32c(text.encode()))
    assert shown["parts"] == [["text", 0, shown["off"]]]
    assert shown["usage"]["completion_tokens"] == 30 and shown["timing"]["total_ms"] >= 0
    assert uuid.UUID(shown["message"])


def test_a_running_generation_shows_its_text_so_far(gateway):
    g = gateway()
    r = ask_stream(g, "run", "richierich-slow")
    t = Transcript().read(r, until=lambda t: len(t.text) > 10)
    shown = generation(g, r.headers["lastword-gen"]).json()
    assert shown["state"] == "running" and shown["text"].encode().startswith(t.text)
    assert shown["usage"]["prompt_tokens"] is None and shown["timing"]["total_ms"] is None
    g.request("DELETE", f"/v1/generations/{shown['gen']}")


def test_unknown_generations(gateway):
    g = gateway()
    for path in (uuid7(), "nonsense", uuid7().upper(), uuid7() + "x"):
        for method, tail in (("GET", ""), ("GET", "/events"), ("DELETE", "")):
            r = g.request(method, f"/v1/generations/{path}{tail}")
            assert r.status_code == 404 and r.json()["error"]["code"] == "NOT_FOUND"


def test_cancel_is_idempotent(gateway):
    g = gateway()
    r = ask_stream(g, "stop me", "richierich-slow")
    t = Transcript().read(r, until=lambda t: t.text)
    path = f"/v1/generations/{r.headers['lastword-gen']}"
    for _ in range(3):
        reply = g.request("DELETE", path)
        assert reply.status_code == 202 and reply.json()["state"] == "cancelled"
    assert generation(g, r.headers["lastword-gen"]).json()["text"].encode().startswith(t.text)


def test_a_cancelled_stream_ends_with_an_error(gateway):
    g = gateway()
    r = ask_stream(g, "stop me", "richierich-slow")
    t = Transcript()

    def cancel(t):
        if t.text and not t.rewinds:
            t.rewinds.append("asked")
            g.request("DELETE", f"/v1/generations/{r.headers['lastword-gen']}")

    t.read(r, until=cancel)
    assert not t.done and t.error and "cancelled" in t.error["message"]


# ------------------------------------------------------------------ events


def events(g, gen, last=None):
    headers = {"Last-Event-ID": last} if last is not None else {}
    return g.get(f"/v1/generations/{gen}/events", headers=headers, stream=True)


def test_events_replay_the_whole(gateway, mock):
    g = gateway()
    r = ask(g, "whole", "richierich-fast")
    reply = events(g, r.headers["lastword-gen"])
    assert reply.headers["content-type"].startswith("text/event-stream")
    t = Transcript().read(reply)
    assert t.done and t.finish == "stop" and t.text.decode() == r.json()["choices"][0]["message"]["content"]
    last = t.last
    assert last["type"] == "done" and last["state"] == "complete" and last["off"] == len(t.text)
    assert last["crc"] == hex8(crc32c(t.text)) and last["persisted"] is True


def test_last_event_id_resumes_at_every_cut(gateway, mock):
    """A client that is cut off after every few events, and comes back with the id of the last one."""
    g = gateway()
    r = ask_stream(g, "cut me", "richierich", tokens=80, rate=100)
    gen = r.headers["lastword-gen"]
    t = Transcript().read(r, until=lambda t: t.text)
    r.close()
    cuts = 0
    while not t.done:
        held = len(t.text)
        reply = events(g, gen, t.id)
        assert reply.status_code == 200
        t.read(reply, until=lambda t: len(t.text) > held + 20)
        reply.close()
        cuts += 1
    assert cuts > 5 and not t.rewinds
    assert t.text.decode() == mock.answer("richierich", "cut me", tokens=80)


def test_last_event_id_resumes_after_a_restart(gateway, mock):
    g = gateway()
    r = ask_stream(g, "restart", "richierich", tokens=200, rate=100)
    gen = r.headers["lastword-gen"]
    t = Transcript().read(r, until=lambda t: len(t.text) > 100)
    g.kill()
    r.close()
    g.start()
    while not t.done:
        reply = events(g, gen, t.id)
        assert reply.status_code == 200
        t.read(reply)
    assert t.text.decode() == mock.answer("richierich", "restart", tokens=200)
    assert t.last["state"] == "complete"


def test_a_position_that_does_not_agree_is_rewound(gateway):
    g = gateway()
    gen = ask(g).headers["lastword-gen"]
    for wrong in ("1-5-00000001", "1-500-00000001"):
        held = Transcript()
        held.text = b"hello" if "-5-" in wrong else b"x" * 500
        held.read(events(g, gen, wrong))
        assert [m["reason"] for m in held.rewinds] == ["diverged"] and held.rewinds[0]["off"] == 0
        assert held.rewinds[0]["type"] == "rewind" and held.rewinds[0]["gen"] == gen
        assert held.done and held.text == b"hello world"


def test_malformed_last_event_ids(gateway):
    g = gateway()
    gen = ask(g).headers["lastword-gen"]
    wrongs = ["x", "1", "1-2", "1-2-3", "1-2-0000000g", "1-2-ABCDEF00", "0-0-00000000", "1-0-00000001", "-1-2-00000000"]
    wrongs += ["1-99999999999999999999-00000000", "1-5-9a71bb4c-", "1-5-9a71bb4c" * 20]
    for wrong in wrongs:
        r = events(g, gen, wrong)
        assert r.status_code == 400 and r.json()["error"]["code"] == "BAD_REQUEST", wrong


def test_events_tell_of_a_rewind(gateway, mock):
    g = gateway(continuation="none", upstream={"backoff_ms": 1, "backoff_max_ms": 5})
    gen = str(uuid7())
    first = ask_stream(g, "again", "richierich-s08", headers={"Idempotency-Key": gen})
    reply = events(g, gen)
    t = Transcript().read(reply)
    assert t.done and [m["reason"] for m in t.rewinds] == ["restarted"]
    assert t.text.decode() == mock.answer("richierich-s08", "again")
    first.close()


def test_head_of_events(gateway):
    g = gateway()
    gen = ask(g).headers["lastword-gen"]
    r = g.request("HEAD", f"/v1/generations/{gen}/events")
    assert r.status_code == 200 and r.headers["content-type"].startswith("text/event-stream") and not r.content
    assert "content-length" not in r.headers  # nobody knows it yet


def test_the_websocket_and_http_see_the_same(gateway):
    g = gateway()

    async def go():
        c = await Client.open(g.ws)
        s = await c.ask("both ways", model="richierich-echo")
        await c.close()
        return s

    s = run(go())
    t = Transcript().read(events(g, s.gen))
    assert t.text == s.data and t.last["crc"] == s.done["crc"] and t.last["state"] == s.done["state"]


# ------------------------------------------------------------------ models, methods, owners


def test_models(gateway):
    g = gateway()
    listed = g.get("/v1/models").json()
    assert listed["object"] == "list" and {"richierich", "richierich-echo"} <= {m["id"] for m in listed["data"]}
    assert g.get("/v1/models/richierich").json() == {
        "id": "richierich", "object": "model", "created": 0, "owned_by": "lastword"
    }
    r = g.get("/v1/models/org/none")
    assert r.status_code == 404 and r.json()["error"]["code"] == "model_not_found"


def test_methods(gateway):
    g = gateway()
    for path, allow in (
        (COMPLETIONS, "POST, OPTIONS"),
        ("/v1/models", "GET, HEAD, OPTIONS"),
        (f"/v1/generations/{uuid7()}", "GET, HEAD, DELETE, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
    ):
        r = g.request("OPTIONS", path)
        assert r.status_code == 204 and r.headers["allow"] == allow
        r = g.request("PUT", path)
        assert r.status_code in (405, 501), path
        if r.status_code == 405:
            assert r.headers["allow"] == allow and r.json()["error"]["message"]
    assert g.request("HEAD", "/v1/models").content == b""
    r = g.get("/v1/nothing")
    assert r.status_code == 404 and r.json()["error"]["code"] == "NOT_FOUND"
    r = g.get("/nothing")
    assert r.status_code == 404 and r.json()["error"]["code"] == "NOT_FOUND"
    r = g.get("/v1/ws")
    assert r.status_code == 426 and r.json()["error"]["message"]
    assert r.headers["upgrade"] == "websocket" and r.headers["connection"] == "upgrade"
    assert r.headers["sec-websocket-version"] == "13"


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}


def cors(r):
    return {k.lower().removeprefix("access-control-"): v for k, v in r.headers.items() if k.lower().startswith("access-")}


def test_pages_of_named_origins_may_ask(gateway):
    keys = [{"name": "ann", "owner": "acme/ann", "key": "ann-secret-key-0123456789"}]
    g = gateway(listen={"origins": ["https://chat.example"]}, auth={"mode": "keys"}, keys=keys)
    page, key = {"Origin": "https://chat.example"}, {"Authorization": "Bearer ann-secret-key-0123456789"}
    r = g.request("OPTIONS", COMPLETIONS, headers={**page, **PREFLIGHT})  # without a credential, as browsers do
    told = cors(r)
    assert r.status_code == 204 and told["allow-origin"] == "https://chat.example" and r.headers["vary"] == "origin"
    assert "POST" in told["allow-methods"] and {"authorization", "content-type"} <= set(told["allow-headers"].split(", "))
    assert "allow-credentials" not in told
    for stream in (False, True):
        r = ask(g, headers={**page, **key}, stream=stream)
        assert r.status_code == 200 and cors(r)["allow-origin"] == "https://chat.example"
        assert "lastword-gen" in cors(r)["expose-headers"]
    r = ask(g, headers=page)  # an error can be read, too
    assert r.status_code == 401 and cors(r)["allow-origin"] == "https://chat.example"
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        r = g.request("OPTIONS", COMPLETIONS, headers={**headers, **PREFLIGHT})
        assert r.status_code == 204 and cors(r) == {}
        assert cors(g.get("/v1/models", headers={**headers, **key})) == {}


def test_no_other_origin_may_ask_unless_named(gateway):
    g = gateway()
    for origin in ("https://evil.example", "null", g.url):
        r = g.request("OPTIONS", COMPLETIONS, headers={"Origin": origin, **PREFLIGHT})
        assert r.status_code == 204 and cors(r) == {}
    assert ask(g, headers={"Origin": "https://evil.example"}).status_code == 403
    assert ask(g, headers={"Origin": g.url}).status_code == 200


def test_owners_do_not_see_each_other(gateway):
    keys = [{"name": n, "owner": f"acme/{n}", "key": f"{n}-secret-key-0123456789"} for n in ("ann", "bob")]
    g = gateway(auth={"mode": "keys"}, keys=keys)
    ann, bob = ({"Authorization": f"Bearer {k['key']}"} for k in keys)
    assert ask(g).status_code == 401
    assert g.get("/v1/models", headers={"Authorization": "Bearer wrong"}).status_code == 401
    r = ask(g, headers=ann)
    gen, chat = r.headers["lastword-gen"], r.headers["lastword-chat"]
    for path in (f"/v1/generations/{gen}", f"/v1/generations/{gen}/events", f"/v1/conversations/{chat}"):
        assert g.get(path, headers=ann, stream=True).status_code == 200
        theirs, none = (g.get(p, headers=bob) for p in (path, path.replace(gen, uuid7()).replace(chat, uuid7())))
        assert theirs.status_code == none.status_code == 404 and theirs.json() == none.json()
    assert g.request("DELETE", f"/v1/generations/{gen}", headers=bob).status_code == 404
    same_key = {"Idempotency-Key": "k"}
    assert ask(g, headers={**ann, **same_key}).headers["lastword-gen"] != ask(g, headers={**bob, **same_key}).headers["lastword-gen"]
    assert "secret" not in g.err.read_text()
