"""lastword.v1.json at the edges of what it allows: the real programs, a real socket."""

import random
import signal

import pytest
import websockets
from scripted import Scripted
from wire import Client, Stream, crc32c, marks_of, run


@pytest.fixture
def scripted():
    s = Scripted()
    yield s
    s.close()


def resumed(whole, off):
    """What a client holds that stopped at `off`."""
    s = Stream(whole.gen)
    s.data = whole.data[:off]
    s.crc = crc32c(s.data)
    return s


def test_nul_is_text_like_any_other(gateway, scripted):
    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("before\0after", params={"system": "sys\0tem", "stop": ["\0stop"]})
        assert s.done["state"] == "complete" and s.text == "an\0swer"
        await c.close()

    scripted.script = [{"content": "an\0swer"}, "stop"]
    gw = gateway(**scripted.settings())
    run(go())
    asked = scripted.asked[-1]
    assert [m["content"] for m in asked["messages"]] == ["sys\0tem", "before\0after"]
    assert asked["stop"] == ["\0stop"]


def test_parts_and_long_records_are_the_same_after_a_restart(gateway, scripted):
    """No frame crosses a part, none is longer than 64 KiB, and history gives back what the log had."""

    async def go():
        c = await Client.open(gw.ws)
        whole = await c.ask("x")
        parts = [d.get("part", "text") for d in whole.deltas]
        assert parts[:3] == ["reasoning", "text", "reasoning"] and set(parts[3:]) == {"text"}
        assert whole.done["off"] == len(whole.data) == 20 + 300_000 + 200_000
        for off in (3, 6, 7, 8, 14, 15, 20, 21, 23, 65_556):
            s = resumed(whole, off)
            await c.resume(s)
            await c.finish(s)
            assert s.data == whole.data and s.done == whole.done
            assert bool(s.rewinds) == (whole.data[off] & 0xC0 == 0x80)
        gw.signal(signal.SIGTERM)
        assert gw.wait() == 0
        gw.start()
        c = await Client.open(gw.ws)
        s = resumed(whole, 0)
        await c.resume(s)
        await c.finish(s)
        assert s.data == whole.data and s.done == whole.done
        seqs = [d["seq"] for d in s.deltas]
        assert seqs == sorted(seqs) and seqs[-1] < s.done["seq"]
        assert [d.get("part", "text") for d in s.deltas][:4] == ["reasoning", "text", "reasoning", "text"]
        await c.close()

    scripted.script = [
        {"reasoning_content": "think é"},
        {"content": ""},
        {"content": "answer "},
        {"reasoning_content": "again"},
        {"content": "日" * 100_000},
        {"content": "x" * 200_000},
        "stop",
    ]
    gw = gateway(**scripted.settings())
    run(go())


def test_a_tab_with_hundreds_of_answers_comes_back(gateway, mock):
    """As many resumes as fit into hello, the others behind it, while all of them run."""

    async def go():
        streams = [Stream() for _ in range(400)]
        c = await Client.open(gw.ws)
        for s in streams:
            await c.send(s, "many", model="richierich", params={"rate": 10, "tokens": 15})
        while not all(s.deltas for s in streams):
            await listen(c, streams, 1)
        c.drop()
        c = await Client.open(gw.ws, resume=[s.position() for s in streams[:200]])
        for s in streams[200:]:
            await c.resume(s)
        await listen(c, streams, 100_000)
        text = mock.answer("richierich", "many", tokens=15)
        for s in streams:
            assert s.done["state"] == "complete" and s.text == text and s.live
            assert not s.rewinds and not s.error
        await c.close()

    gw = gateway()
    run(go())


async def listen(c, streams, messages):
    """So many messages, each to the stream it is about; ends early when all are done or the connection is gone."""
    by_gen = {s.gen: s for s in streams}
    try:
        for _ in range(messages):
            m = await c.hear()
            s = by_gen.get(m.get("gen"))
            if s and m["type"] != "active":
                s.take(m)
            if all(s.done for s in streams):
                return
    except websockets.ConnectionClosed:
        pass


@pytest.mark.parametrize(("seed", "continuation"), [(1, "trailing_assistant"), (2, "none"), (3, "trailing_assistant")])
def test_one_life_after_another(gateway, mock, seed, continuation):
    """Killed or ended, again and again: sequence numbers never fall, no two lives share an epoch, the text is whole."""

    async def go():
        rng = random.Random(seed)
        asks = {}
        c = await Client.open(gw.ws)
        for i in range(6):
            s = Stream()
            model = rng.choice(["richierich", "richierich-s08", "richierich-s14", "richierich-cutchar"])
            asks[s] = {"input": f"{seed} {i}", "model": model, "params": {"rate": rng.choice([60, 150, 400]), "tokens": 100}}
            await c.send(s, **asks[s])
        lives = 1
        while not all(s.done for s in asks):
            await listen(c, asks, rng.randrange(1, 120))
            c.drop()
            if lives < 5 and rng.random() < 0.5:
                lives += 1
                if rng.random() < 0.3:
                    gw.signal(signal.SIGTERM)
                    gw.wait()
                else:
                    gw.kill()
                gw.start()
            known = [s for s in asks if s.accepted and not s.done]
            c = await Client.open(gw.ws, resume=[s.position(marks_of(s)) for s in known])
            for s in asks:
                if not s.accepted:
                    await c.send(s, **asks[s])
        for s, ask in asks.items():
            assert s.done["state"] == "complete" and s.done["epoch"] <= lives
            assert s.text == mock.answer(ask["model"], ask["input"], tokens=100)
            again = Stream(s.gen)
            await c.resume(again)
            await c.finish(again)
            assert again.data == s.data
            assert {**again.done, "persisted": True} == {**s.done, "persisted": True}
        await c.close()

    gw = gateway(
        continuation, history={"checkpoint_ms": 100}, drain={"deadline_ms": 100, "spread_ms": 50}, upstream={"backoff_ms": 10}
    )
    run(go())
