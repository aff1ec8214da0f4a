"""/v1/responses beside what the openai package does with it (tests/browser/openai.test.mjs): the edges."""

import asyncio
import json
import subprocess

import pytest
import websockets
from raw import until
from scripted import MODEL, Scripted
from sse import read_events
from wire import Client, run, uuid7

RESPONSES = "/v1/responses"
NOBODY = "resp_00000000-0000-4000-8000-000000000000"


def create(g, input="hello world", model="richierich-echo", headers=None, stream_reply=False, **more):
    return g.request("POST", RESPONSES, json={"model": model, "input": input, **more}, headers=headers, stream=stream_reply)


def error_of(r, status):
    assert r.status_code == status, r.text
    error = r.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def events_of(r, until=lambda events: False):
    events = []
    for e in read_events(r):
        assert e.name == e.json["type"]
        events.append(e.json)
        if until(events):
            break
    r.close()
    return events


def text_of(events):
    return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")


def follow(g, id, after=None, **more):
    params = {"stream": "true"} | ({} if after is None else {"starting_after": after})
    return g.request("GET", f"{RESPONSES}/{id}", params=params, stream=True, **more)


@pytest.fixture
def redis(tmp_path):
    """The address of a Redis of the test's own."""
    path = tmp_path / "redis.sock"
    with open(tmp_path / "redis.log", "wb") as log:
        argv = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path]
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    until(path.exists)
    yield f"unix://{path}"
    process.terminate()
    process.wait(10)


@pytest.fixture
def scripted():
    s = Scripted()
    yield s
    s.close()


# ------------------------------------------------------------------ refusals


def test_each_refusal_names_the_field(gateway):
    g = gateway()
    cases = [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input"),
        ({"model": 7}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"tools": [{"type": "function", "name": "f"}]}, "tools"),
        ({"n": 2}, "n"),
        ({"store": False}, "store"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"previous_response_id": "abc"}, "previous_response_id"),
        ({"conversation": "abc"}, "conversation"),
        ({"reasoning": {"summary": "auto"}}, "reasoning"),
    ]
    for more, param in cases:
        error = error_of(g.request("POST", RESPONSES, json={"model": "richierich-echo", "input": "x"} | more), 400)
        assert (error["param"], error["type"]) == (param, "invalid_request_error"), more
    assert error_of(create(g, model="nobody"), 404)["param"] == "model"
    assert error_of(create(g, previous_response_id=NOBODY), 404)["param"] == "previous_response_id"
    assert g.request("POST", RESPONSES, data="{", headers={"Content-Type": "application/json"}).status_code == 400
    assert g.request("POST", RESPONSES, data="{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert g.request("GET", RESPONSES).status_code == 405


def test_ids_that_are_none(gateway):
    g = gateway()
    for id in (NOBODY, "resp_", "resp_x", NOBODY[5:], NOBODY + "0", "resp_" + "a" * 300):
        for method, path in (("GET", id), ("DELETE", id), ("POST", id + "/cancel"), ("GET", id + "/input_items")):
            assert error_of(g.request(method, f"{RESPONSES}/{path}"), 404)["code"] == "NOT_FOUND", (method, path)


def test_what_can_be_asked_after(gateway):
    g = gateway()
    id = create(g).json()["id"]
    for query, param in (("stream=1", "stream"), ("starting_after=0", "starting_after"),
                         ("stream=true&starting_after=x", "starting_after"), ("stream=true&starting_after=-1", "starting_after"),
                         ("stream=true&starting_after=5", "starting_after")):
        assert error_of(g.get(f"{RESPONSES}/{id}?{query}"), 400)["param"] == param, query
    events = events_of(follow(g, id))
    numbers = [e["sequence_number"] for e in events]
    wrong = next(e["sequence_number"] for e in events if "delta" in e) ^ 1  # of another text
    gone = error_of(follow(g, id, wrong), 410)
    assert (gone["param"], gone["code"]) == ("starting_after", "RESUME_GONE")
    assert events_of(follow(g, id, numbers[-1])) == []
    assert g.request("HEAD", f"{RESPONSES}/{id}?stream=true").status_code == 200


def test_another_owners_looks_like_none(gateway):
    keys = [{"name": n, "owner": f"acme/{n}", "key": f"{n}-secret-key-0123456789"} for n in ("ann", "bob")]
    g = gateway(auth={"mode": "keys"}, keys=keys)
    ann, bob = ({"Authorization": f"Bearer {k['key']}"} for k in keys)
    id = create(g, headers=ann).json()["id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items"), ("GET", "?stream=true")):
        mine = g.request(method, f"{RESPONSES}/{id}{path}", headers=bob)
        none = g.request(method, f"{RESPONSES}/{NOBODY}{path}", headers=bob)
        assert (mine.status_code, mine.json()) == (none.status_code, none.json()) and mine.status_code == 404
    theirs, none = (create(g, headers=bob, previous_response_id=i) for i in (id, NOBODY))
    assert (theirs.status_code, theirs.json()) == (none.status_code, none.json())
    assert g.request("GET", f"{RESPONSES}/{id}", headers=ann).json()["status"] == "completed"
    assert error_of(create(g), 401)


# ------------------------------------------------------------------ one conversation, whatever brings it


def test_the_prompt_that_the_upstream_gets(gateway, scripted):
    g = gateway(**scripted.settings())
    scripted.script = [{"content": "yes\0"}, "stop"]
    first = create(g, "one\0", MODEL, instructions="be kind", temperature=0.5, max_output_tokens=9, user="u").json()
    assert first["output"][0]["content"][0]["text"] == "yes\0"
    two = [{"role": "user", "content": "three"}, {"role": "user", "content": [{"type": "input_text", "text": "four"}]}]
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
    create(g, "two", MODEL, previous_response_id=first["id"])  # instructions are not carried over
    third = create(g, two, MODEL, previous_response_id=first["id"], instructions="be brief", text={"format": schema}).json()
    create(g, "five", MODEL, previous_response_id=third["id"])
    one, yes = ("user", "one\0"), ("assistant", "yes\0")
    assert [[(m["role"], m["content"]) for m in asked["messages"]] for asked in scripted.asked] == [
        [("system", "be kind"), one],
        [one, yes, ("user", "two")],
        [("system", "be brief"), one, yes, ("user", "three"), ("user", "four")],
        [one, yes, ("user", "three"), ("user", "four"), yes, ("user", "five")],
    ]
    asked = scripted.asked[0]
    assert (asked["temperature"], asked["max_tokens"], asked["user"]) == (0.5, 9, "u")
    assert not {"input", "instructions", "system", "max_output_tokens", "metadata"} & set(asked)
    assert scripted.asked[2]["response_format"] == {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


def test_reasoning_is_an_item_of_its_own(gateway, scripted):
    g = gateway(**scripted.settings())
    scripted.script = [{"reasoning_content": "hm"}, {"reasoning_content": "m"}, {"content": "ah"}, {"content": "a"}, "stop"]
    events = events_of(create(g, "one", MODEL, stream=True, stream_reply=True))
    assert "".join(e["delta"] for e in events if e["type"] == "response.reasoning_text.delta") == "hmm"
    assert text_of(events) == "aha"
    added = [e["item"]["type"] for e in events if e["type"] == "response.output_item.added"]
    thought, said = events[-1]["response"]["output"]
    assert added == [thought["type"], said["type"]] == ["reasoning", "message"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "hmm"}] and thought["summary"] == []
    # Its own reasoning is not shown to a model again, whether the gateway or the client keeps the history.
    create(g, "two", MODEL, previous_response_id=events[-1]["response"]["id"])
    create(g, [{"role": "user", "content": "one"}, thought, said, {"role": "user", "content": "two"}], MODEL)
    assert scripted.asked[1]["messages"] == scripted.asked[2]["messages"] == [
        {"role": "user", "content": "one"}, {"role": "assistant", "content": "aha"}, {"role": "user", "content": "two"}]


def test_the_native_protocol_follows_a_response_and_goes_on(gateway):
    g = gateway()
    r = create(g, "from http").json()
    gen, chat = r["id"][len("resp_"):], r["conversation"]["id"][len("conv_"):]

    async def go_on():
        c = await Client.open(g.ws)
        await c.say({"type": "resume", "gen": gen, "epoch": 1, "off": 0, "crc": "00000000"})
        while (m := await c.hear())["type"] != "done":
            if m["type"] == "delta":
                assert m["text"] in "from http"
        await c.say({"type": "send", "gen": uuid7(), "chat": chat, "input": "from the wire", "model": "richierich-echo"})
        while (m := await c.hear())["type"] != "done":
            pass
        await c.close()
        return m["gen"]

    second = run(go_on())
    third = create(g, "and back", previous_response_id=f"resp_{second}").json()
    assert third["conversation"] == r["conversation"]
    assert create(g, "by its name", conversation=r["conversation"]["id"]).json()["conversation"] == r["conversation"]
    kept = g.get(f"/v1/conversations/{chat}").json()["messages"]
    assert [m["text"] for m in kept if m["role"] == "user"] == ["from http", "from the wire", "and back", "by its name"]
    items = g.get(f"{RESPONSES}/{third['id']}/input_items?order=asc").json()["data"]
    assert [i["content"][0]["text"] for i in items] == ["from http", "from http", "from the wire", "from the wire", "and back"]


def test_a_response_that_runs_has_no_next(gateway):
    g = gateway()
    running = create(g, model="richierich-slow", background=True).json()
    assert error_of(create(g, previous_response_id=running["id"]), 409)["code"] == "BUSY"
    assert g.request("POST", f"{RESPONSES}/{running['id']}/cancel").json()["status"] == "cancelled"


def test_the_same_key_is_the_same_response(gateway):
    g = gateway()
    key = {"Idempotency-Key": "once"}
    first, again = create(g, headers=key), create(g, headers=key)
    assert first.json() == again.json()
    assert error_of(create(g, "other", headers=key), 409)["code"] == "CONFLICT"


# ------------------------------------------------------------------ another gateway


def test_what_follows_is_had_from_another_gateway(gateway, redis, tmp_path, mock):
    shared = {"session": {"store": "redis", "url": redis, "lease_ms": 500}, "history": {"path": str(tmp_path / "shared.db")}}
    a, b = (gateway(listen={"node": node}, **shared) for node in "ab")
    model, ask = "richierich", "move on"
    seen = events_of(create(a, ask, model, stream=True, stream_reply=True, metadata={"k": "v"}, rate=100),
                     lambda events: len(text_of(events)) > 60)
    id = seen[0]["response"]["id"]
    beside = events_of(follow(b, id, seen[-1]["sequence_number"]), lambda events: len(text_of(events)) > 60)
    a.kill()
    rest = events_of(follow(b, id, beside[-1]["sequence_number"]))
    numbers = [e["sequence_number"] for e in seen + beside + rest]
    assert numbers == sorted(set(numbers))
    assert text_of(seen + beside + rest) == mock.answer(model, ask)
    assert rest[-1]["type"] == "response.completed" and rest[-1]["response"]["metadata"] == {"k": "v"}


# ------------------------------------------------------------------ the WebSocket


def talk(g, *messages, ends=1, **connect):
    """What is heard until so many responses have ended."""

    async def go():
        heard = []
        async with websockets.connect(f"ws://127.0.0.1:{g.port}{RESPONSES}", **connect) as ws:
            for m in messages:
                await ws.send(m if isinstance(m, (str, bytes)) else json.dumps(m))
            while sum(e["type"] in ("response.completed", "error") for e in heard) < ends:
                heard.append(json.loads(await asyncio.wait_for(ws.recv(), 20)))
        return heard

    return run(go())


def test_the_websocket_says_what_http_says(gateway):
    g = gateway()
    ask = {"type": "response.create", "model": "richierich-echo", "input": "hello world"}
    heard = talk(g, ask)
    id = heard[0]["response"]["id"]
    over_http = events_of(follow(g, id))
    assert text_of(heard) == text_of(over_http) == "hello world"
    assert [e for e in heard if "delta" not in e] == [e for e in over_http if "delta" not in e]


def test_the_websocket_refuses(gateway):
    g = gateway(listen={"origins": ["https://chat.example"]})
    ask = {"type": "response.create", "model": "richierich-echo", "input": "x"}
    heard = talk(g, ask | {"n": 2}, ask | {"stream": False}, {"type": "x"}, "[]", "{", ask | {"previous_response_id": NOBODY}, ends=6)
    assert [(e["status"], e["error"]["param"]) for e in heard] == [
        (400, "n"), (400, "stream"), (400, "type"), (400, None), (400, None), (404, "previous_response_id")]
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        talk(g, b"binary")
    assert closed.value.code == 1003
    with pytest.raises(websockets.exceptions.InvalidStatusCode) as refused:
        talk(g, ask, origin="https://evil.example")
    assert refused.value.status_code == 403
    assert len(talk(g, ask, origin="https://chat.example")) > 3


def test_leaving_closes_with_a_code_that_clients_know(gateway):
    g = gateway()

    async def go():
        async with websockets.connect(f"ws://127.0.0.1:{g.port}{RESPONSES}") as ws:
            g.signal(15)
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                await asyncio.wait_for(ws.recv(), 20)
            return closed.value.code

    assert run(go()) == 1001
    g.wait()
