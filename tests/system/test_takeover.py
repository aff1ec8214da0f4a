"""Gateways on one Redis and one Postgres: an answer whose gateway was killed, and whose owner never comes back, ends all the same."""

import signal
import subprocess
import time

import pytest

from conftest import ROOT
from wire import Client, Stream, run

ENGINES = str(ROOT / "deploy/engines.sh")
LEASE_MS = 1000
MODEL = "richierich@rate=40,tokens=160"  # four seconds


class Engine:
    def __init__(self, folder, kind, port):
        self.folder, self.log = folder / kind, folder / f"{kind}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([ENGINES, kind, str(self.folder), port], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        done = subprocess.run([ENGINES, "ready", str(self.folder), "30"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + self.log.read_text(errors="replace")[-2000:]
        self.url = (self.folder / "url").read_text().strip()

    def sql(self, text):
        argv = ["psql", "-qAtX", "-d", self.url, "-c", text]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout.strip()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


@pytest.fixture
def engines(tmp_path):
    ports = subprocess.run([ENGINES, "ports", "2"], capture_output=True, text=True, check=True).stdout.split()
    made = [Engine(tmp_path, kind, port) for kind, port in zip(("redis", "postgres"), ports)]
    yield made
    for engine in made:
        engine.end()


@pytest.fixture
def pair(gateway, engines):
    """Two gateways, and the database."""
    redis, postgres = engines
    made = [gateway(listen={"node": node}, session={"store": "redis", "url": redis.url, "lease_ms": LEASE_MS},
                    history={"store": "postgres", "url": postgres.url},
                    routes=[{"model": "slow", "to": [{"upstream": "mock", "model": MODEL}]}]) for node in ("a", "b")]
    return *made, postgres


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


async def ask_and_leave(gateway, stream):
    c = await Client.open(gateway.ws)
    await c.send(stream, "tell me", model="slow")
    await c.until(stream, lambda s: s.error or len(s.data) > 60)
    assert not stream.error, stream.error
    c.drop()


def end_of(postgres, gen):
    """(state, epoch, text) as recorded; None while it runs."""
    found = postgres.sql(f"select state, epoch, encode(body, 'hex') from lastword.answers where gen = '{gen}'")
    if not found:
        return None
    state, epoch, text = found.split("|")
    return state, int(epoch), bytes.fromhex(text).decode()


def test_an_answer_whose_owner_never_comes_back_ends_in_history(pair, mock):
    a, b, postgres = pair
    streams = [Stream() for _ in range(3)]

    async def go():
        for s in streams:
            await ask_and_leave(a, s)

    run(go())
    assert all(end_of(postgres, s.gen) is None for s in streams)
    a.kill()  # nobody is connected to b, and nobody asks
    whole = mock.answer("richierich", "tell me", tokens=160)
    for s in streams:
        state, epoch, text = wait_for(lambda s=s: end_of(postgres, s.gen))
        assert (state, epoch) == ("complete", 2)
        assert text == whole and text.startswith(s.text)
    assert b.metric("lastword_takeovers_total", mode="prefix") == len(streams)
