"""lastword.v1.json against the real programs: gateway, mock upstream, a real socket."""

import asyncio
import random
import signal

import pytest
from wire import Client, Stream, crc32c, hex8, marks_of, run, uuid7


def test_one_prompt_streams_to_its_last_word(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "hello", model="richierich")
        await c.finish(s)
        assert s.accepted["chat"] == s.chat
        assert s.starts[0]["mode"] == "fresh" and s.starts[0]["off"] == 0
        assert len(s.deltas) > 20, "tokens come as they are made"
        assert s.done["state"] == "complete" and s.done["persisted"] is True
        assert s.done["usage"]["completion_tokens"] > 100
        assert s.done["timing"]["ttft_ms"] is not None
        assert s.text == mock.answer("richierich", "hello")
        seqs = [d["seq"] for d in s.deltas]
        assert seqs == sorted(set(seqs)) and s.done["seq"] > seqs[-1]
        await c.close()

    gw = gateway()
    run(go())


def test_the_long_answer_needs_acks_and_arrives_whole(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("long", model="richierich-long", timeout=60)
        assert s.done["state"] == "complete" and len(s.data) > 500_000
        assert s.text == mock.answer("richierich-long", "long")
        await c.close()

    gw = gateway()
    run(go())


def test_a_client_that_does_not_ack_is_given_256_kib(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "long", model="richierich-long")
        got = 0
        with pytest.raises(asyncio.TimeoutError):
            while True:
                m = await c.hear(timeout=3)
                got += len(m.get("text", "").encode()) if m["type"] == "delta" else 0
        assert 262144 - 4 <= got <= 262144
        await c.say({"type": "ack", "gen": s.gen, "off": got})
        assert (await c.hear_type("delta"))["off"] == got
        await c.close()

    gw = gateway()
    run(go())


def test_resume_from_a_broken_socket_many_times(gateway, mock):
    async def go():
        rng = random.Random(7)
        s = Stream()
        c = await Client.open(gw.ws)
        await c.send(s, "again and again", model="richierich")
        for _ in range(12):
            stop = len(s.data) + rng.randrange(1, 60)
            await c.until(s, lambda s: s.done or len(s.data) >= stop)
            if s.done:
                break
            c.drop()
            c = await Client.open(gw.ws, resume=[s.position()])
            assert [a["gen"] for a in c.welcome["active"]] == [s.gen]
        await c.finish(s)
        assert s.done["state"] == "complete" and not s.rewinds
        assert s.text == mock.answer("richierich", "again and again")
        await c.close()

    gw = gateway()
    run(go())


def test_resume_of_a_finished_answer_at_every_boundary(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        whole = await c.ask("ünïcode 日本 🙂", model="richierich-echo")
        for off in range(len(whole.data) + 1):
            s = Stream(whole.gen)
            s.data, s.crc = whole.data[:off], crc32c(whole.data[:off])
            await c.resume(s)
            await c.finish(s)
            assert s.data == whole.data and s.live
            boundary = off == len(whole.data) or whole.data[off] & 0xC0 != 0x80
            assert bool(s.rewinds) != boundary
            assert {**s.done} == {**whole.done}
        await c.close()

    gw = gateway()
    run(go())


def test_a_client_that_holds_the_wrong_bytes_is_rewound_to_its_best_mark(gateway):
    async def go():
        c = await Client.open(gw.ws)
        whole = await c.ask("x", model="richierich-fast")
        s = Stream(whole.gen)
        s.data = whole.data[:1000].decode(errors="ignore").encode()
        good = marks_of(s, 100)
        s.data += b"never said"
        s.crc = crc32c(s.data)
        await c.resume(s, marks=good + [[len(s.data) + 50, "00000000"]])
        await c.finish(s)
        assert s.rewinds[0]["reason"] == "diverged" and s.rewinds[0]["off"] == good[-1][0]
        assert s.data == whole.data
        s = Stream(whole.gen)
        s.data = b"x" * (len(whole.data) + 10)
        s.crc = crc32c(s.data)
        await c.resume(s)
        await c.finish(s)
        assert s.rewinds[0]["off"] == 0 and s.data == whole.data
        await c.close()

    gw = gateway()
    run(go())


def test_a_repeated_send_runs_and_costs_once(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "once", model="richierich")
        await c.until(s, lambda s: len(s.data) > 50)
        d = await Client.open(gw.ws)
        again = Stream(s.gen, s.chat)
        await d.send(again, "once", model="richierich")
        await asyncio.gather(c.finish(s), d.finish(again))
        assert again.accepted == s.accepted and again.data == s.data and again.live
        other = Stream(s.gen, s.chat)
        await d.send(other, "twice", model="richierich")
        await d.finish(other)
        assert other.error["code"] == "CONFLICT" and other.error["retry"] == "never"
        await c.close(), await d.close()

    gw = gateway()
    before = mock.requests()
    run(go())
    assert mock.requests() - before == 1


def test_branches_edit_and_regenerate(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        first = await c.ask("one", model="richierich-echo")
        second = await c.ask("two", model="richierich-echo", chat=first.chat)
        edited = await c.ask("two, better", model="richierich-echo", chat=first.chat, parent=first.accepted["message"])
        again = await c.ask(None, model="richierich-echo", chat=first.chat, parent=second.accepted["parent"])
        root = await c.ask("anew", model="richierich-echo", chat=first.chat, parent=None)
        assert again.accepted["parent"] == second.accepted["parent"] and again.text == "two"
        assert edited.text == "two, better" and root.text == "anew"
        bad = await c.ask(None, model="richierich-echo", chat=first.chat, parent=first.accepted["message"])
        assert bad.error["code"] == "NOT_FOUND"
        bad = await c.ask("x", model="richierich-echo", chat=first.chat, parent=uuid7())
        assert bad.error["code"] == "NOT_FOUND"
        tree = gw.get(f"/v1/conversations/{first.chat}").json()
        parents = {m["id"]: m["parent"] for m in tree["messages"]}
        assert parents[second.accepted["parent"]] == first.accepted["message"]
        assert parents[edited.accepted["parent"]] == first.accepted["message"]
        assert parents[again.accepted["message"]] == second.accepted["parent"]
        assert parents[root.accepted["parent"]] is None
        await c.close()

    gw = gateway()
    run(go())


def test_if_busy(gateway):
    async def go():
        c = await Client.open(gw.ws)
        slow = Stream()
        await c.send(slow, "first", model="richierich-slow")
        await c.until(slow, lambda s: s.accepted)
        rejected = Stream(chat=slow.chat)
        await c.send(rejected, "second", model="richierich-echo")
        m = await c.hear_type("error")
        assert m["code"] == "BUSY" and m["gen"] == rejected.gen
        queued = Stream(chat=slow.chat)
        await c.send(queued, "third", model="richierich-echo", if_busy="queue")
        queued.take(await c.hear_type("accepted"))
        assert (await c.hear_type("status"))["state"] == "queued"
        last = Stream(chat=slow.chat)
        await c.send(last, "fourth", model="richierich-echo", if_busy="interrupt")
        ended = {}
        while len(ended) < 3:
            m = await c.hear_type("done")
            ended[m["gen"]] = m["state"]
        assert ended == {slow.gen: "cancelled", queued.gen: "cancelled", last.gen: "complete"}
        await c.close()

    gw = gateway()
    run(go())


def test_cancel_from_another_connection_reaches_the_upstream(gateway, mock):
    async def go():
        c, d = await Client.open(gw.ws), await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "stop me", model="richierich-slow")
        await c.until(s, lambda s: len(s.data) > 5)
        assert (await d.hear_type("active"))["state"] == "running"
        await d.say({"type": "cancel", "gen": s.gen})
        assert (await d.hear_type("active"))["state"] == "cancelled"
        await c.finish(s)
        assert s.done["state"] == "cancelled" and s.data
        await d.say({"type": "cancel", "gen": s.gen})  # after done: nothing
        await d.say({"type": "cancel", "gen": uuid7()})
        assert (await d.hear())["code"] == "NOT_FOUND"
        await mock.wait_async(lambda st: st["running"] == 0)
        await c.close(), await d.close()

    gw = gateway()
    run(go())


def test_on_disconnect_cancel(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "mine only", model="richierich-slow", on_disconnect="cancel")
        await c.until(s, lambda s: len(s.data) > 5)
        c.drop()
        await mock.wait_async(lambda st: st["running"] == 0)
        d = await Client.open(gw.ws, resume=[s.position()])
        await d.finish(s)
        assert s.done["state"] == "cancelled"
        await d.close()

    gw = gateway(limits={"disconnect_ms": 300})
    run(go())


async def killed_midway(gw, c, input):
    """kill -9 after 150 bytes, and a gateway started again on the same files."""
    s = Stream()
    await c.send(s, input, model="richierich")
    await c.until(s, lambda s: len(s.data) > 150)
    gw.kill()
    gw.start()
    return s


async def replayed(c, s):
    """The same answer from 0, with every start: one that lies before a position is not told on a resume there."""
    whole = Stream(s.gen)
    await c.resume(whole)
    await c.finish(whole)
    assert whole.data == s.data
    return whole


def test_a_gateway_killed_and_started_again_goes_on(gateway, mock):
    """What was running is taken up from the text last saved, finished answers are kept."""

    async def go():
        c = await Client.open(gw.ws)
        kept = await c.ask("kept", model="richierich-echo")
        s = await killed_midway(gw, c, "survive")
        c = await Client.open(gw.ws)
        assert [a["gen"] for a in c.welcome["active"]] == [s.gen]
        await c.resume(s, marks_of(s))
        await c.finish(s)
        assert s.done["state"] == "complete" and s.done["epoch"] == 2
        assert s.text == mock.answer("richierich", "survive")
        last = (await replayed(c, s)).starts[-1]
        assert last["mode"] == "prefix" and last["epoch"] == 2
        old = Stream(kept.gen)
        await c.resume(old)
        await c.finish(old)
        assert old.data == kept.data and old.done["state"] == "complete"
        repeated = Stream(kept.gen, kept.chat)
        await c.send(repeated, "kept", model="richierich-echo")
        await c.finish(repeated)
        assert repeated.accepted == kept.accepted and repeated.data == kept.data
        conflict = Stream(kept.gen, kept.chat)
        await c.send(conflict, "else", model="richierich-echo")
        assert (await c.finish(conflict)).error["code"] == "CONFLICT"
        await c.close()

    gw = gateway(history={"checkpoint_ms": 100})
    run(go())


def test_where_the_upstream_cannot_continue_it_begins_again(gateway, mock):
    async def go():
        s = await killed_midway(gw, await Client.open(gw.ws), "anew")
        c = await Client.open(gw.ws, resume=[s.position()])
        await c.finish(s)
        assert s.done["state"] == "complete" and s.text == mock.answer("richierich", "anew")
        assert (await replayed(c, s)).starts[-1]["mode"] == "restart"
        await c.close()

    gw = gateway(continuation="none", history={"checkpoint_ms": 100})
    run(go())


def test_leaving_says_goaway_and_finishes_what_runs(gateway, mock):
    async def go():
        c = await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "to the end", model="richierich-fast")
        await c.until(s, lambda s: s.accepted)
        gw.signal(signal.SIGTERM)
        await c.finish(s)
        assert s.done["state"] == "complete"
        goaway = [m for m in c.others if m["type"] == "goaway"] or [await c.hear_type("goaway")]
        assert goaway[0]["spread_ms"] >= 0
        assert await c.closed() in (1001, 4001)

    gw = gateway()
    run(go())
    assert gw.wait() == 0


def test_heartbeat_both_ways(gateway):
    async def go():
        c = await Client.open(gw.ws)
        assert c.welcome["ping_ms"] == 200
        m = await asyncio.wait_for(c.ws.recv(), 5)
        assert "ping" in m
        assert await c.closed() == 4004
        d = await Client.open(gw.ws)  # one that answers lives on
        s = await d.ask("x", model="richierich")
        assert s.done["state"] == "complete"
        await d.close()

    gw = gateway(heartbeat={"ping_ms": 200, "grace_ms": 200})
    run(go())


def test_credentials(gateway):
    async def go():
        c = await Client.open(gw.ws, hello=False)
        await c.say({"type": "hello"})
        assert await c.closed() == 4501 and c.others[0]["code"] == "UNAUTHORIZED"
        c = await Client.open(gw.ws, token="key-of-a")
        s = await c.ask("secret", model="richierich-echo")
        await c.say({"type": "auth", "token": "nonsense"})
        assert (await c.hear_type("error"))["code"] == "UNAUTHORIZED"
        d = await Client.open(gw.ws, token="key-of-b")
        theirs = Stream(s.gen)
        await d.resume(theirs)
        assert (await d.finish(theirs)).error["code"] == "NOT_FOUND"
        await c.say({"type": "auth", "token": "key-of-b"})
        assert await c.closed() == 4503
        e = await Client.open(gw.ws, hello=False, extra_headers={"Authorization": "Bearer key-of-a"})
        await e.say({"type": "hello", "token": "key-of-b"})
        assert await e.closed() == 4501
        f = await Client.open(gw.ws, extra_headers={"Authorization": "Bearer key-of-a"})
        mine = Stream(s.gen)
        await f.resume(mine)
        assert (await f.finish(mine)).data == s.data
        await d.close(), await f.close()

    gw = gateway(auth={"mode": "keys"}, keys=[{"name": "a", "owner": "t/a", "key": "key-of-a"},
                                              {"name": "b", "owner": "t/b", "key": "key-of-b"}])
    run(go())


def test_unknown_model_names_those_known(gateway):
    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("x", model="no-such-model")
        assert s.error["code"] == "NOT_FOUND" and "richierich" in s.error["message"]
        assert s.error["gen"] == s.gen
        await c.close()

    gw = gateway()
    run(go())
