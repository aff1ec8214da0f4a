"""The database and its disk in trouble, under the real gateway: locked, full, corrupt. Who asks is told, streams that run go on,
what was promised is there afterwards."""

import json
import os
import resource
import sqlite3
import threading

from raw import until
from sse import Transcript
from test_program import UPSTREAM, lastword
from wire import uuid7

COMPLETIONS = "/v1/chat/completions"


def ask(g, text="hello", model="richierich-echo", headers=None, **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return g.request("POST", COMPLETIONS, json=body, headers=headers, stream=more.get("stream", False))


def database(g):
    return json.loads(g.config.read_text())["history"]["path"]


def ready(g):
    return g.get("/readyz").status_code == 200


def refused(answer):
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "STORE_DEGRADED", answer.text
    assert int(answer.headers["retry-after"]) >= 1


class Lock:
    """Another program in the middle of a write."""

    def __init__(self, g, kind="IMMEDIATE"):
        self.db = sqlite3.connect(database(g), isolation_level=None)
        self.db.execute(f"BEGIN {kind}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.db.execute("ROLLBACK")
        self.db.close()


def stream_in_background(g, **more):
    """One paced answer: its gen, the thread that reads it, and what it holds."""
    gen, t = uuid7(), Transcript()
    r = ask(g, "keep on", "richierich", headers={"Idempotency-Key": gen}, stream=True, **more)
    assert r.status_code == 200
    begun = threading.Event()

    def read():
        t.read(r, until=lambda t: begun.set() if t.text else None)

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(10)
    return gen, thread, t


def whole_and_kept(g, gen, t, text):
    assert t.done and t.text.decode() == text
    # "persisted" turns true once history can be written again.
    until(lambda: b'"persisted":true' in g.get(f"/v1/generations/{gen}/events").content)
    assert g.stop() == 0
    g.start()
    shown = g.get(f"/v1/generations/{gen}").json()
    assert shown["state"] == "complete" and shown["text"] == text


def test_locked_while_an_answer_runs(gateway, mock):
    g = gateway()
    before = ask(g, "before").headers["lastword-gen"]
    gen, thread, t = stream_in_background(g, tokens=60, rate=60)
    with Lock(g):
        thread.join()
        refused(ask(g, "into the lock"))
        refused(ask(g, "into the lock", stream=True))
        assert not ready(g) and g.get("/livez").status_code == 200
        assert g.get(f"/v1/generations/{before}").json()["text"] == "before"
        assert g.get("/v1/conversations").status_code == 200
        assert g.get(f"/v1/generations/{gen}").json()["state"] == "complete"
        last = Transcript().read(g.get(f"/v1/generations/{gen}/events", stream=True)).last
        assert last["persisted"] is False
    until(lambda: ask(g, "after").status_code == 200)
    until(lambda: ready(g))
    whole_and_kept(g, gen, t, mock.answer("richierich", "keep on", tokens=60))


def test_locked_at_start(gateway):
    g = gateway()
    gen = ask(g, "before").headers["lastword-gen"]
    assert g.stop() == 0
    with Lock(g, "EXCLUSIVE"):
        g.start()
        refused(ask(g))
        assert g.get("/livez").status_code == 200
    until(lambda: ask(g).status_code == 200)
    assert g.get(f"/v1/generations/{gen}").json()["text"] == "before"


def test_a_full_disk(gateway, mock):
    g = gateway()
    before = ask(g, "before").headers["lastword-gen"]
    gen, thread, t = stream_in_background(g, tokens=60, rate=60)
    used = sum(os.path.getsize(database(g) + tail) for tail in ("", "-wal"))
    _, hard = resource.prlimit(g.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(g.pid, resource.RLIMIT_FSIZE, (used, hard))  # no file may grow beyond that
    for _ in range(3):
        refused(ask(g, "x" * 400_000, rate=0))
    assert not ready(g) and g.get("/livez").status_code == 200
    assert g.get(f"/v1/generations/{before}").json()["text"] == "before"
    thread.join()
    resource.prlimit(g.pid, resource.RLIMIT_FSIZE, (hard, hard))
    until(lambda: ask(g, "x" * 400_000, rate=0).status_code == 200)
    until(lambda: ready(g))
    whole_and_kept(g, gen, t, mock.answer("richierich", "keep on", tokens=60))


def test_a_corrupt_file_is_refused_at_start(gateway, tmp_path):
    path = tmp_path / "noise.db"
    path.write_bytes(os.urandom(64 << 10))
    config = {"listen": {"port": 0}, "upstreams": [UPSTREAM], "history": {"path": str(path)}}
    for command in ("serve", "migrate"):
        done = lastword(command, config=config, tmp_path=tmp_path)
        assert done.returncode == 1 and str(path) in done.stderr and "not a database" in done.stderr
    assert path.stat().st_size == 64 << 10


def test_a_file_that_goes_bad_meanwhile(gateway, mock):
    g = gateway()
    for i in range(5):
        ask(g, f"question {i}")
    gen, thread, t = stream_in_background(g, tokens=40, rate=60)
    for tail in ("", "-wal"):
        size = os.path.getsize(database(g) + tail)
        with open(database(g) + tail, "r+b") as f:
            f.write(os.urandom(size))
    thread.join()
    assert t.done and t.text.decode() == mock.answer("richierich", "keep on", tokens=40)
    refused(g.get("/v1/conversations"))
    until(lambda: not ready(g))
    assert g.get("/livez").status_code == 200
    assert g.get(f"/v1/generations/{gen}").json()["text"] == t.text.decode()
    assert "corrupt" in g.err.read_text()
