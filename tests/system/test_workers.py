"""listen.workers: several processes on one port, each a node of its own, and one that only looks after them."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
import requests
from raw import Raw, until
from wire import Client, Stream, run

NODE = "w"


@pytest.fixture
def redis(tmp_path):
    """The address of a Redis of the test's own."""
    path = tmp_path / "redis.sock"
    with open(tmp_path / "redis.log", "wb") as log:
        process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path],
                                   stdout=log, stderr=log)
    until(path.exists)
    yield f"unix://{path}"
    process.terminate()
    process.wait(10)


@pytest.fixture
def workers(gateway, redis):
    def make(count=2, **settings):
        return gateway(listen={"workers": count, "node": NODE}, session={"store": "redis", "url": redis},
                       history={"path": settings.pop("path", None)} if "path" in settings else {}, **settings)

    return make


def children(gw):
    path = pathlib.Path(f"/proc/{gw.pid}/task/{gw.pid}/children")
    return {int(pid) for pid in path.read_text().split()}


def alive(pid):
    """Also false for one that has ended and waits to be counted by whoever is its parent now."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def node_of(gw):
    """Of a connection of its own."""
    return requests.get(gw.url + "/health", timeout=10, headers={"Connection": "close"}).json()["node"]


def events(gw, event):
    return [e for e in gw.log() if e["event"] == event]


def reach(gw, *nodes):
    """Until each of them has taken a connection."""
    seen = set()
    until(lambda: seen.add(node_of(gw)) or seen == set(nodes), every=0)


async def client_of(gw, node):
    """A client whom that worker serves; the kernel chooses, so often enough."""
    for _ in range(500):
        c = await Client.open(gw.ws)
        if c.welcome["node"] == node:
            return c
        await c.close()
    raise AssertionError(f"{node} is never chosen")


# -------------------------------------------------------------------- serving


def test_each_is_a_node_on_one_port(workers):
    gw = workers(3)
    reach(gw, "w-1", "w-2", "w-3")
    assert gw.out.read_text().count("listening on") == 1
    ready = events(gw, "gateway.ready")
    assert sorted(e["node"] for e in ready) == ["w-1", "w-2", "w-3"]
    assert {e["address"] for e in ready} == {f"127.0.0.1:{gw.port}"}
    assert len(children(gw)) == 3

    def info():
        text = requests.get(gw.url + "/metrics", timeout=10, headers={"Connection": "close"}).text
        return re.findall(r'^lastword_info\{node="(.*)"\} 1$', text, re.M)

    seen = set()
    until(lambda: seen.add(tuple(info())) or seen == {("w-1",), ("w-2",), ("w-3",)}, every=0)


def test_the_supervisor_has_no_connection(workers):
    gw = workers()
    with Raw(gw.port) as one, Raw(gw.port) as two:
        one.open().hello()
        two.open().hello()
        links = [os.readlink(f"/proc/{gw.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{gw.pid}/fd")]
    assert sum(link.startswith("socket:") for link in links) == 1, links  # the port, held


def test_an_answer_of_one_is_resumed_at_the_other(workers):
    gw = workers()
    words = " ".join(f"w{i}" for i in range(100))  # two seconds of it

    async def go():
        one, two = await client_of(gw, "w-1"), await client_of(gw, "w-2")
        s = Stream()
        await one.send(s, words, model="richierich-echo")
        await one.until(s, lambda s: len(s.data) > 0)
        one.drop()
        await two.resume(s)
        await two.finish(s)
        assert s.done["state"] == "complete" and s.text.split() == words.split()
        assert not s.rewinds
        await two.close()

    run(go())


# -------------------------------------------------------------------- dying


def test_one_that_dies_is_started_again(workers):
    gw = workers()
    before = children(gw)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    until(lambda: events(gw, "worker.died"))
    (died,) = events(gw, "worker.died")
    assert (died["pid"], died["signal"], died["node"]) == (victim, signal.SIGKILL, NODE)
    assert gw.get("/livez").status_code == 200  # by the other, or by the new one
    until(lambda: len(events(gw, "gateway.ready")) == 3)
    assert events(gw, "gateway.ready")[2]["node"] == f"{NODE}-{died['worker']}"
    assert len(children(gw)) == 2 and victim not in children(gw)
    reach(gw, "w-1", "w-2")
    assert gw.out.read_text().count("listening on") == 1


def test_one_that_is_told_to_end_is_replaced(workers):
    gw = workers()
    victim = max(children(gw))
    os.kill(victim, signal.SIGTERM)
    until(lambda: len(events(gw, "gateway.ready")) == 3)
    (died,) = events(gw, "worker.died")
    assert (died["pid"], died["signal"], died["code"]) == (victim, 0, 0)
    reach(gw, "w-1", "w-2")


def test_they_do_not_outlive_the_supervisor(workers):
    gw = workers(drain={"deadline_ms": 500, "spread_ms": 0})
    pids = children(gw)
    with Raw(gw.port) as c:
        c.open().hello()
        gw.kill()
        assert c.message()["type"] == "goaway"
    until(lambda: not any(alive(pid) for pid in pids))
    assert len(events(gw, "gateway.stopped")) == 2


# -------------------------------------------------------------------- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_of_all(workers, number):
    gw = workers()
    pids = children(gw)
    begin = time.monotonic()
    gw.signal(number)
    assert gw.wait() == 0 and time.monotonic() - begin < 5
    assert not any(alive(pid) for pid in pids)
    assert sorted(e["node"] for e in events(gw, "gateway.stopped")) == ["w-1", "w-2"]
    assert not events(gw, "worker.died")


def test_all_drain_and_a_second_signal_does_not_wait(workers):
    gw = workers(drain={"deadline_ms": 60000, "spread_ms": 60000})
    clients = [Raw(gw.port).open().hello() for _ in range(20)]
    gw.signal(signal.SIGTERM)
    for c in clients:
        assert c.message()["type"] == "goaway"
    assert sorted(e["node"] for e in events(gw, "gateway.draining")) == ["w-1", "w-2"]
    begin = time.monotonic()
    gw.signal(signal.SIGTERM)
    assert {c.close_code() for c in clients} == {4001}
    assert gw.wait() == 0 and time.monotonic() - begin < 8


def test_sighup_reaches_all_and_those_that_come_later(workers):
    gw = workers()
    config = json.loads(gw.config.read_text())
    config["limits"] = {"prompt_bytes": 4321}
    gw.config.write_text(json.dumps(config))
    gw.signal(signal.SIGHUP)
    until(lambda: {e["node"] for e in events(gw, "config.reloaded")} == {"w-1", "w-2"})
    gw.config.write_text("listen: {port: none}")  # a worker that is started now keeps what was in force
    gw.signal(signal.SIGHUP)
    until(lambda: {e["node"] for e in events(gw, "config.refused")} == {"w-1", "w-2"})
    for pid in children(gw):
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(events(gw, "gateway.ready")) == 4)

    async def go():
        for node in ("w-1", "w-2"):
            c = await client_of(gw, node)
            assert c.welcome["limits"]["prompt"] == 4321
            await c.close()

    run(go())


# -------------------------------------------------------------------- not starting


def cannot_start(gw):
    """What it says on standard error that is no log."""
    with pytest.raises(AssertionError):
        gw.start()
    assert gw.wait() == 1 and not gw.out.read_text()
    gw.killed = True
    return [line for line in gw.err.read_text().splitlines() if not line.startswith("{")]


def test_a_port_in_use_is_said_once(gateway, redis):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        gw = gateway(listen={"workers": 4, "port": port}, session={"store": "redis", "url": redis}, start=False)
        (line,) = cannot_start(gw)
    assert str(port) in line and "in use" in line


def test_a_fault_of_all_is_said_once(gateway, redis):
    gw = gateway(listen={"workers": 4}, session={"store": "redis", "url": redis}, start=False,
                 history={"path": "/no/such/folder/x.db"})
    (line,) = cannot_start(gw)
    assert "/no/such/folder" in line


def test_sigterm_while_it_starts(gateway, redis):
    gw = gateway(listen={"workers": 8}, session={"store": "redis", "url": redis}, start=False)
    with open(gw.out, "wb") as out, open(gw.err, "wb") as err:
        gw.process = subprocess.Popen(gw.argv, stdout=out, stderr=err, env=gw.env)
    until(lambda: children(gw), every=0)
    gw.signal(signal.SIGTERM)
    assert gw.wait() == 0
    assert not events(gw, "worker.died")


def test_more_than_one_needs_a_shared_store(gateway):
    gw = gateway(listen={"workers": 2}, start=False)
    (line,) = cannot_start(gw)
    assert "listen.workers" in line and "session.store" in line
