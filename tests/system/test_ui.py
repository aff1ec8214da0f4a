"""The frames of other people's chat libraries, where the libraries themselves do not go: tests/browser has those as they are."""

import asyncio
import contextlib
import json
import signal
import subprocess

import pytest
import requests
import websockets
from raw import until
from wire import crc32c, hex8, run, uuid7

KEY = "alice-key-0123456789abcdef"
KEYS = {"auth": {"mode": "keys"}, "keys": [{"name": "alice", "owner": "default/alice", "key": KEY}]}


def where(gw, library, query=""):
    return f"ws://127.0.0.1:{gw.port}/v1/{library}/ws{query}"


@contextlib.asynccontextmanager
async def socket(url, **options):
    async with websockets.connect(url, max_size=None, **options) as ws:
        yield ws


async def hear(ws, timeout=20):
    return json.loads(await asyncio.wait_for(ws.recv(), timeout))


async def closed(ws, timeout=20):
    """What else came, and the code of the close."""
    rest = []
    with pytest.raises(websockets.ConnectionClosed):
        while True:
            rest.append(await hear(ws, timeout))
    return rest, ws.close_code


def message(text, role="user", id="m"):
    return {"id": id, "role": role, "parts": [{"type": "text", "text": text}], "content": text}


def send(text, request="r", chat="c", before=(), **more):
    return json.dumps({"type": "send", "requestId": request, "id": chat, "trigger": "submit-message", "headers": more.pop("headers", {}),
                       "body": {"model": "richierich-echo"} | more.pop("body", {}), "messages": [*before, message(text)]} | more)


def turn(text, turn="run-1", **body):
    return json.dumps({"threadId": "t", "runId": turn, "messages": [message(text)], "tools": [], "context": [], "state": {},
                       "forwardedProps": {"model": "richierich-echo"} | body})


async def answer(ws, request="r"):
    """The frames up to the end of a request, and its text."""
    frames = []
    while not frames or frames[-1]["type"] not in ("end", "error", "no-active"):
        frame = await hear(ws)
        if frame["requestId"] == request:
            frames.append(frame)
    sequence = [f["sequence"] for f in frames if f["type"] == "chunk"]
    assert sequence == list(range(sequence[0] if sequence else 0, (sequence[0] if sequence else 0) + len(sequence)))
    return frames, "".join(f["chunk"]["delta"] for f in frames if f.get("chunk", {}).get("type") == "text-delta")


async def events(ws, last=("RUN_FINISHED", "RUN_ERROR")):
    """(id, event) up to the end of a run."""
    found = []
    while not found or found[-1][1]["type"] not in last:
        frame = await hear(ws)
        found.append((frame.get("id"), frame.get("chunk", frame)))
    return found


def text_of(found):
    return "".join(e["delta"] for _, e in found if e["type"] == "TEXT_MESSAGE_CONTENT")


# ------------------------------------------------------------------ frames


@pytest.mark.parametrize("library", ["ai", "tanstack"])
def test_what_is_no_frame_ends_the_connection(gateway, library):
    async def go():
        for text, code in (("[]", 1003), ("no", 1003), ("{", 1003), ("{}", 1003), (b"\x01", 1003), ("x" * 9000, 1009)):
            async with socket(where(gw, library)) as ws:
                await ws.send(text)
                assert await closed(ws) == ([], code), text

    gw = gateway(limits={"http_body_bytes": 8192})
    run(go())


def test_a_request_that_is_refused_leaves_the_others_alone(gateway):
    async def go():
        async with socket(where(gw, "ai")) as ws:
            await ws.send(send("slowly", "one", body={"model": "richierich", "params": {"rate": 200}}))
            await ws.send(json.dumps({"type": "send", "requestId": "two", "id": "c"}))
            await ws.send(json.dumps({"type": "resume", "requestId": "three", "id": "c", "lastSequence": 2}))
            await ws.send(json.dumps({"type": "abort", "requestId": "nobody"}))
            refused = {}
            while len(refused) < 2:
                frame = await hear(ws)
                if frame["type"] == "error":
                    refused[frame["requestId"]] = frame["errorText"]
            assert "trigger" in refused["two"] and "lastSequence" in refused["three"]
            await ws.send(send("another chat", "four", chat="d"))
            assert (await answer(ws, "four"))[1] == "another chat"
            await ws.send(json.dumps({"type": "abort", "requestId": "one"}))
            until(lambda: gw.metric("lastword_generations_done_total", state="cancelled") == 1)

    gw = gateway()
    run(go())


def test_a_parent_that_is_gone_is_no_reason_to_refuse(gateway):
    async def go():
        async with socket(where(gw, "ai")) as ws:
            await ws.send(send("one"))
            frames, _ = await answer(ws)
            before = [message("one"), message("one", "assistant", frames[0]["chunk"]["messageId"])]
            assert gw.request("DELETE", f"/v1/conversations/{chat(gw)}").status_code in (200, 204)
            await ws.send(send("two", "r2", before=before))
            assert (await answer(ws, "r2"))[1] == "two"
            tree = gw.get(f"/v1/conversations/{chat(gw)}").json()["messages"]
            assert [(m["role"], m["text"]) for m in tree] == [("user", "two"), ("assistant", "two")]
            assert tree[0]["parent"] is None

    def chat(gw):
        return gw.get("/v1/conversations").json()["data"][0]["chat"]

    gw = gateway()
    run(go())


# ------------------------------------------------------------------ who it is


def test_who_does_not_say_who_it_is(gateway):
    async def go():
        for library in ("ai", "tanstack"):
            async with socket(where(gw, library)) as ws:
                assert await closed(ws) == ([], 1008), "nothing was said in time"
            with pytest.raises(websockets.InvalidStatusCode) as refused:
                async with socket(where(gw, library), extra_headers={"Authorization": "Bearer wrong"}):
                    pass
            assert refused.value.status_code == 401
        async with socket(where(gw, "ai")) as ws:
            await ws.send(send("hello", headers={"authorization": "Bearer wrong"}))
            rest, code = await closed(ws)
            assert [f["type"] for f in rest] == ["error"] and code == 1008
        async with socket(where(gw, "tanstack")) as ws:
            await ws.send(turn("hello"))
            rest, code = await closed(ws)
            assert [f["code"] for f in rest] == ["UNAUTHORIZED"] and code == 1008
        async with socket(where(gw, "tanstack", "?runId=run-1&offset=-1")) as ws:
            assert await closed(ws) == ([], 1008)

    gw = gateway(limits={"hello_ms": 300}, **KEYS)
    run(go())


def test_who_says_who_it_is_once_is_known(gateway):
    async def go():
        async with socket(where(gw, "ai")) as ws:
            await ws.send(send("hello", headers={"Authorization": f"Bearer {KEY}"}))
            assert (await answer(ws))[1] == "hello"
            await ws.send(send("again", "r2"))
            assert (await answer(ws, "r2"))[1] == "again"
            await ws.send(send("not me", "r3", headers={"authorization": "Bearer wrong"}))
            assert (await answer(ws, "r3"))[0][0]["errorText"] == "The credential is missing or not valid."
        async with socket(where(gw, "tanstack")) as ws:
            await ws.send(turn("by body", token=KEY))
            assert text_of(await events(ws)) == "by body"
        async with socket(where(gw, "tanstack", "?runId=run-1&offset=-1"), extra_headers={"Authorization": f"Bearer {KEY}"}) as ws:
            assert text_of(await events(ws)) == "by body"

    gw = gateway(**KEYS)
    run(go())


def test_a_foreign_page_may_not_connect(gateway):
    async def go():
        for library in ("ai", "tanstack"):
            with pytest.raises(websockets.InvalidStatusCode) as refused:
                async with socket(where(gw, library), origin="https://evil.example"):
                    pass
            assert refused.value.status_code == 403

    gw = gateway()
    run(go())


# ------------------------------------------------------------------ positions


def test_replay_from_a_position_also_after_a_restart(gateway, mock):
    async def replay(offset, turn="run-1"):
        async with socket(where(gw, "tanstack", f"?runId={turn}&offset={offset}")) as ws:
            return await closed(ws)

    def tail(rest):
        return text_of([(f.get("id"), f.get("chunk", f)) for f in rest])

    async def check(whole):
        data = whole.encode()
        at = next(i for i, byte in enumerate(data) if byte >= 0xC0)  # the first of several bytes
        for cut in (0, 1, at, len(data)):
            rest, code = await replay(f"1-{cut}-{hex8(crc32c(data[:cut]))}")
            assert code == 1000 and tail(rest).encode() == data[cut:]
        assert tail((await replay("-1"))[0]) == whole
        for offset in (f"1-{at + 1}-{hex8(crc32c(data[:at + 1]))}", "1-5-00000001", f"1-{len(data) + 1}-00000001"):
            rest, code = await replay(offset)
            assert code == 1000 and [f["type"] for f in rest] == ["RUN_ERROR"], offset
        assert await replay("5") == ([], 1008)
        assert await replay("-1", "another") == ([], 1008)

    async def ask():
        async with socket(where(gw, "tanstack")) as ws:
            await ws.send(turn("Positions", model="richierich-fast", params={"tokens": 60}))
            found = await events(ws)
            whole = text_of(found)
            assert found[-2][1]["type"] == "TEXT_MESSAGE_END" and found[-1][1]["finishReason"] == "stop"
            assert [i for i, e in found if e["type"] == "TEXT_MESSAGE_CONTENT"][-1] == f"1-{len(whole.encode())}-{hex8(crc32c(whole.encode()))}"
            return whole

    gw = gateway()
    whole = run(ask())
    assert whole == mock.answer("richierich-fast", "Positions", tokens=60)
    run(check(whole))
    gw.stop()
    gw.start().until_ready()
    run(check(whole))


def test_a_run_is_asked_once(gateway, mock):
    async def go():
        texts = []
        for _ in range(2):
            async with socket(where(gw, "tanstack")) as ws:
                await ws.send(turn("once", "0193a1b2-0000-7000-8000-0000000000aa"))
                texts.append(text_of(await events(ws)))
        assert texts == ["once", "once"]
        async with socket(where(gw, "tanstack")) as ws:
            await ws.send(turn("something else", "0193a1b2-0000-7000-8000-0000000000aa"))
            assert (await events(ws))[-1][1]["code"] == "CONFLICT"
        assert gw.get("/v1/generations/0193a1b2-0000-7000-8000-0000000000aa").json()["text"] == "once"

    gw = gateway()
    run(go())
    assert mock.requests() == 1


# ------------------------------------------------------------------ leaving, and another gateway


def test_a_gateway_that_leaves_finishes_what_it_says(gateway, mock):
    async def go():
        async with socket(where(gw, "ai")) as idle, socket(where(gw, "ai")) as busy:
            await busy.send(send("To the end", body={"model": "richierich", "params": {"rate": 400}}))
            await hear(busy)
            gw.signal(signal.SIGTERM)
            assert (await closed(idle))[1] == 1001
            frames, text = await answer(busy)
            assert frames[-1]["type"] == "end" and text == mock.answer("richierich", "To the end")
            assert (await closed(busy))[1] == 1001

    gw = gateway()
    run(go())


@pytest.fixture
def redis(tmp_path):
    path = tmp_path / "redis.sock"
    with open(tmp_path / "redis.log", "wb") as log:
        process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path],
                                   stdout=log, stderr=log)
    until(path.exists)
    yield f"unix://{path}"
    process.terminate()
    process.wait(10)


def test_another_gateway_goes_on(gateway, mock, redis, tmp_path):
    """The gateway dies; the other finds the answer by its chat, takes it over, and says it whole."""

    async def go():
        async with socket(where(one, "ai")) as ws:
            await ws.send(send("Take me over", body={"model": "richierich", "params": {"rate": 100}}))
            said = ""
            while len(said) < 80:
                said += (await hear(ws)).get("chunk", {}).get("delta", "")
            one.kill()
        async with socket(where(two, "ai")) as ws:
            await ws.send(json.dumps({"type": "resume", "requestId": "r", "id": "c", "headers": {}, "body": {}}))
            frames, text = await answer(ws)
        assert frames[0]["type"] == "start" and frames[-1]["type"] == "end"
        assert text == mock.answer("richierich", "Take me over") and text.startswith(said)
        tree = two.get(f"/v1/conversations/{two.get('/v1/conversations').json()['data'][0]['chat']}").json()["messages"]
        assert frames[1]["chunk"] == {"type": "start", "messageId": tree[1]["id"]}

    shared = {"session": {"store": "redis", "url": redis, "lease_ms": 500}, "history": {"path": str(tmp_path / "shared.db")}}
    one, two = gateway(**shared), gateway(**shared)
    run(go())
