"""Postgres away, on real servers: prompts are accepted all the same, in new chats and in those that a gateway knows, on any
gateway where they began meanwhile; and when Postgres is back, each of them is in it once, in its place."""

import signal

import pytest
import requests
from test_engines import Engine, engines, wait_for
from wire import Client, Stream, run

TREE = """select string_agg(c.chat || ' ' || m.ord || ' ' || coalesce(convert_from(m.body, 'UTF8'), a.state) || ' < ' ||
                            coalesce(p.ord::text, '-'), E'\\n' order by m.chat, m.ord)
          from lastword.conversations c join lastword.messages m using (tenant, owner, chat)
          left join lastword.messages p on p.chat = m.chat and p.id = m.parent
          left join lastword.answers a on a.chat = m.chat and a.id = m.id"""


@pytest.fixture
def servers(tmp_path):
    ports, made = iter(engines("ports", 2).split()), []
    for kind in ("redis", "postgres"):
        made.append(Engine(tmp_path / kind, kind, next(ports)).start())
    yield made
    for engine in made:
        if engine.process.poll() is None:
            engine.end()


@pytest.fixture
def pair(servers, gateway):
    redis, postgres = servers
    return [gateway(session={"store": "redis", "url": redis.url}, history={"store": "postgres", "url": postgres.url},
                    listen={"node": node}) for node in "ab"]


def until_known(g):
    """The gateway has noticed that Postgres is gone."""
    wait_for(lambda: g.get("/health").json()["checks"]["history"] is False)


async def accepted(client, input, chat=None, **more):
    stream = Stream(chat=chat)
    await client.send(stream, input, model="richierich-echo", if_busy="queue", **more)
    await client.finish(stream)
    assert stream.error is None and stream.accepted and stream.done["state"] == "complete"
    return stream


def all_recorded(postgres, count):
    wait_for(lambda: postgres.sql("select count(*) from lastword.answers") == str(count), 30)
    assert postgres.sql("select count(*) from lastword.messages where role = 2") == str(count)
    assert postgres.sql("select count(*) from lastword.running") == "0"


def said(stream, n, input, parent):
    return [f"{stream.chat} {n} {input} < {parent}", f"{stream.chat} {n + 1} complete < {n}"]


def test_postgres_away(pair, servers, mock):
    redis, postgres = servers
    a, b = pair

    async def scene():
        one, two = await Client.open(a.ws), await Client.open(b.ws)
        old = await accepted(one, "before")
        assert old.done["persisted"] is True
        assert postgres.end(signal.SIGINT) == 0
        first = await accepted(one, "first")  # the first of them finds out
        assert first.done["persisted"] is False
        until_known(a)
        assert a.metric("lastword_history_up") == 0 and a.metric("lastword_redis_up") == 1
        assert a.metric("lastword_redis_append_seconds_count") > 0 and a.metric("lastword_redis_connections_total") > 0
        assert a.get("/readyz").status_code == 200  # it serves
        assert a.get("/v1/conversations").status_code == 503
        follow = await accepted(two, "second", chat=first.chat)  # elsewhere
        again = await accepted(one, "third", chat=first.chat)
        known = await accepted(one, "after", chat=old.chat)
        stranger = Stream(chat=old.chat)  # what went on there is the store's to say, what was said is not
        await two.send(stranger, "and I?", parent=known.accepted["parent"], if_busy="queue")
        await two.finish(stranger)
        branch = await accepted(two, "anew", chat=old.chat, parent=None)
        asked = {"model": "richierich-echo", "messages": [{"role": "user", "content": "over http"}]}
        whole = requests.post(b.url + "/v1/chat/completions", json=asked, headers={"Lastword-Chat": old.chat}, timeout=20)
        assert whole.status_code == 200, whole.text
        return old, first, follow, again, known, stranger, branch

    old, first, follow, again, known, stranger, branch = run(scene())
    assert stranger.error["code"] == "STORE_DEGRADED"
    postgres.start()
    all_recorded(postgres, 7)
    tree = postgres.sql(TREE).splitlines()
    assert [line for line in tree if line.startswith(first.chat)] == [
        *said(first, 0, "first", "-"), *said(first, 2, "second", 1), *said(first, 4, "third", 3)]
    assert [line for line in tree if line.startswith(old.chat)] == [
        *said(old, 0, "before", "-"), *said(old, 2, "after", 1), *said(old, 4, "anew", "-"), *said(old, 6, "over http", 5)]
    for stream in (first, follow, again, known, branch):
        ids = postgres.sql(f"select m.id, m.parent, convert_from(a.body, 'UTF8') from lastword.messages m join lastword.answers a"
                           f" on a.id = m.id where m.gen = '{stream.gen}'")
        assert ids == f"{stream.accepted['message']}|{stream.accepted['parent']}|{stream.text}"
    assert redis.redis("--scan", "--pattern", "lw:{*}:d").split() == []  # the outboxes are empty
    assert a.metric("lastword_history_up") == 1 and a.metric("lastword_history_connections_total") >= 2
    assert a.metric("lastword_detours_total") + b.metric("lastword_detours_total") == 6


def test_a_gateway_dies_meanwhile(pair, servers, mock):
    """What was accepted is in the session store: a kill of the gateway that accepted it loses nothing."""
    redis, postgres = servers
    a, b = pair

    async def scene():
        one = await Client.open(a.ws)
        assert postgres.end(signal.SIGINT) == 0
        first = await accepted(one, "first")
        running = Stream(chat=first.chat)
        await one.send(running, "second")
        await one.until(running, lambda s: s.data)
        a.kill()
        two = await Client.open(b.ws, resume=[running.position()])
        await two.finish(running)
        assert running.done["state"] == "complete"
        return first, running, await accepted(two, "third", chat=first.chat)

    first, running, third = run(scene())
    postgres.start()
    all_recorded(postgres, 3)
    assert postgres.sql(TREE).splitlines() == [
        *said(first, 0, "first", "-"), *said(first, 2, "second", 1), *said(first, 4, "third", 3)]
