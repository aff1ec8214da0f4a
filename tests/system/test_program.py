"""The program itself: its commands, its signals, its exit codes, what it says and what it keeps to itself."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import ROOT, find_program
from raw import Raw, until
from wire import Client, run


def lastword(*arguments, config=None, tmp_path=None, env=None):
    argv = [find_program("LASTWORD_BIN", "lastword"), *arguments]
    if config is not None:
        path = tmp_path / "config.yaml"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        argv += ["--config", str(path)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, env={**os.environ, **(env or {})})


UPSTREAM = {"name": "u", "url": "http://127.0.0.1:9/v1", "dialect": "openai"}


# -------------------------------------------------------------------- commands


def test_usage():
    for argument in ("help", "--help", "-h"):
        done = lastword(argument)
        assert done.returncode == 0 and "usage: lastword" in done.stdout and not done.stderr
    done = lastword("version")
    assert done.returncode == 0 and done.stdout.startswith("lastword ")


@pytest.mark.parametrize("arguments", [[], ["swerve"], ["serve", "--config"], ["serve", "x"], ["serve", "--verbose"]])
def test_misuse(arguments):
    done = lastword(*arguments)
    assert done.returncode == 2 and "usage: lastword" in done.stderr and not done.stdout


def test_check_config_looks_at_the_address_of_redis(tmp_path):
    for url, code, words in (
        ("redis://127.0.0.1:6379", 0, "ok\n"),
        ("http://user:secret@x", 1, "session.url: not redis://"),
        ("rediss://:secret@x", 1, "session.url: TLS is not spoken here"),
    ):
        config = {"upstreams": [UPSTREAM], "session": {"store": "redis", "url": url}}
        done = lastword("check-config", config=config, tmp_path=tmp_path)
        assert done.returncode == code and words in done.stdout + done.stderr and "secret" not in done.stderr


def test_check_config(tmp_path):
    done = lastword("check-config", config={"upstreams": [UPSTREAM]}, tmp_path=tmp_path)
    assert (done.returncode, done.stdout) == (0, "ok\n")
    done = lastword("check-config", config="listen:\n  port: 70000\n", tmp_path=tmp_path)
    assert done.returncode == 1 and not done.stdout
    assert "listen.port" in done.stderr and "line 2" in done.stderr and "65535" in done.stderr
    done = lastword("check-config", "--config", str(tmp_path / "none"))
    assert done.returncode == 1 and "none" in done.stderr


def test_print_config(tmp_path):
    done = lastword("print-config")
    assert done.returncode == 0 and "hello_ms: 5000" in done.stdout
    secret = {"upstreams": [{**UPSTREAM, "key": "hush-hush"}], "limits": {"hello_ms": 1234}}
    done = lastword("print-config", config=secret, tmp_path=tmp_path)
    assert done.returncode == 0 and "hello_ms: 1234" in done.stdout and "hush" not in done.stdout
    defaults = lastword("print-config").stdout + f"\nupstreams: [{json.dumps(UPSTREAM)}]\n"
    again = lastword("check-config", config=defaults, tmp_path=tmp_path)
    assert again.returncode == 0, again.stderr


def test_migrate(tmp_path):
    config = {"upstreams": [UPSTREAM], "history": {"path": str(tmp_path / "x.db")}}
    first = lastword("migrate", config=config, tmp_path=tmp_path)
    assert first.returncode == 0 and "version 0 ->" in first.stdout
    newest = first.stdout.split()[-1]
    second = lastword("migrate", config=config, tmp_path=tmp_path)
    assert second.returncode == 0 and f"version {newest} -> {newest}" in second.stdout
    config["history"]["path"] = str(tmp_path / "no/such/folder/x.db")
    third = lastword("migrate", config=config, tmp_path=tmp_path)
    assert third.returncode == 1 and "no/such/folder" in third.stderr


# -------------------------------------------------------------------- starting


def test_it_does_not_start_on_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = lastword("serve", tmp_path=tmp_path, config={
            "listen": {"port": port}, "upstreams": [UPSTREAM], "history": {"path": str(tmp_path / "x.db")}})
    assert done.returncode == 1 and not done.stdout
    assert str(port) in done.stderr and "in use" in done.stderr


def test_it_does_not_start_without_its_folder(tmp_path):
    done = lastword("serve", tmp_path=tmp_path, config={
        "listen": {"port": 0}, "upstreams": [UPSTREAM], "history": {"path": "/no/such/folder/x.db"}})
    assert done.returncode == 1 and "/no/such/folder" in done.stderr
    done = lastword("serve", tmp_path=tmp_path, config={
        "listen": {"port": 0}, "upstreams": [UPSTREAM], "history": {"path": str(tmp_path / "x.db")},
        "page": {"dir": "/no/such/page"}})
    assert done.returncode == 1 and "/no/such/page" in done.stderr
    done = lastword("serve", tmp_path=tmp_path, config={
        "listen": {"port": 0, "host": "256.1.1.1"}, "upstreams": [UPSTREAM], "history": {"path": str(tmp_path / "x.db")}})
    assert done.returncode == 1 and "256.1.1.1" in done.stderr


def test_ipv6(gateway):
    gw = gateway(listen={"host": "::1"}, ready=False)
    assert gw.url.startswith("http://[::1]:")
    with socket.create_connection(("::1", gw.port), 5) as s:
        s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_the_environment_wins(gateway):
    gw = gateway(env={"LASTWORD_LISTEN_NODE": "the-node"})

    async def go():
        c = await Client.open(gw.ws)
        assert c.welcome["node"] == "the-node"
        await c.close()

    run(go())
    assert all(e["node"] == "the-node" for e in gw.log())


# -------------------------------------------------------------------- signals


def test_sigterm_with_nothing_to_do_ends_at_once(gateway):
    gw = gateway()
    begin = time.monotonic()
    gw.signal(signal.SIGTERM)
    assert gw.wait() == 0 and time.monotonic() - begin < 3
    events = [e["event"] for e in gw.log()]
    assert "gateway.ready" in events and events[-1] == "gateway.stopped"


def test_while_it_drains(gateway):
    gw = gateway(drain={"deadline_ms": 20000, "spread_ms": 10000})
    with Raw(gw.port) as old, Raw(gw.port) as http, Raw(gw.port) as young:
        old.open().hello()
        http.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.answer().status == 200
        late = Raw(gw.port)
        late.send("GET /readyz HTTP/1.1\r\n")
        gw.signal(signal.SIGTERM)
        assert old.message()["type"] == "goaway"
        assert http.closed()  # idle
        with Raw(gw.port) as probe:  # the port stays open, for the balancer to see
            probe.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert probe.answer().status == 503
        with Raw(gw.port) as new:
            new.upgrade()
            assert new.answer().status == 503
        late.send("Host: x\r\n\r\n")
        answer = late.answer()
        assert answer.status == 503 and answer.json()["checks"]["accepting"] is False
        assert answer.headers["connection"] == "close"
        young.upgrade()
        assert young.answer().status == 503
        late.close()
    assert gw.wait(10) == 0


def test_a_second_signal_does_not_wait(gateway):
    gw = gateway(drain={"deadline_ms": 60000, "spread_ms": 60000})
    with Raw(gw.port) as c:
        c.open().hello()
        gw.signal(signal.SIGINT)
        assert c.message()["type"] == "goaway"
        begin = time.monotonic()
        gw.signal(signal.SIGINT)
        assert c.close_code() == 4001
    assert gw.wait() == 0 and time.monotonic() - begin < 5


def test_the_deadline_of_draining(gateway):
    gw = gateway(drain={"deadline_ms": 500, "spread_ms": 60000})
    with Raw(gw.port) as c:
        c.open().hello()
        gw.signal(signal.SIGTERM)
        assert c.close_code() == 4001
    assert gw.wait() == 0


def test_peers_that_never_answer_do_not_keep_it(gateway):
    gw = gateway(drain={"deadline_ms": 200})
    mute = [Raw(gw.port).open().hello() for _ in range(20)] + [Raw(gw.port) for _ in range(20)]
    gw.signal(signal.SIGTERM)
    begin = time.monotonic()
    assert gw.wait() == 0 and time.monotonic() - begin < 8
    assert len(mute) == 40


def test_sighup(gateway):
    gw = gateway(limits={"hello_ms": 60000})
    config = json.loads(gw.config.read_text())

    def reload(change):
        seen = len(gw.log())
        gw.config.write_text(change if isinstance(change, str) else json.dumps(change))
        gw.signal(signal.SIGHUP)
        until(lambda: [e for e in gw.log()[seen:] if e["event"] in ("config.reloaded", "config.refused")])
        return gw.log()[seen:]

    with Raw(gw.port) as before:
        before.open()
        config["limits"]["hello_ms"] = 100
        config["listen"]["backlog"] = 100
        entries = reload(config)
        restart = [e for e in entries if e["event"] == "config.needs_restart"]
        assert len(restart) == 1 and "listen.backlog" in restart[0]["setting"]
        assert before.close_code() == 4506
        entries = reload("limits:\n  hello_ms: soon\n")
        refused = [e for e in entries if e["event"] == "config.refused"]
        assert "limits.hello_ms" in refused[0]["error"]
    with Raw(gw.port) as c:  # what was in force still is
        c.open()
        assert c.close_code() == 4506
    for _ in range(20):
        reload(config)

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("after all that", model="richierich-echo")
        assert s.text.strip() == "after all that"
        await c.close()

    run(go())


def test_keys_are_reloaded(gateway):
    gw = gateway(auth={"mode": "keys"}, keys=[{"name": "a", "owner": "t/a", "key": "old-key-of-a"}])

    def status(key):
        return gw.get("/v1/conversations", headers={"authorization": f"Bearer {key}"}).status_code

    assert (status("old-key-of-a"), status("new-key-of-a")) == (200, 401)
    config = json.loads(gw.config.read_text())
    config["keys"][0]["key"] = "new-key-of-a"
    gw.config.write_text(json.dumps(config))
    gw.signal(signal.SIGHUP)
    until(lambda: status("new-key-of-a") == 200)
    assert status("old-key-of-a") == 401


# -------------------------------------------------------------------- what it says


def test_its_log_is_json_and_holds_no_prompt(gateway):
    gw = gateway()
    secret = "a prompt that nobody else may read"

    async def go():
        c = await Client.open(gw.ws, token="a-token-of-mine")
        await c.ask(secret, model="richierich-echo")
        await c.say({"type": "nonsense", "input": secret})
        await c.hear_type("error")
        await c.close()

    run(go())
    gw.request("POST", "/v1/chat/completions", json={"model": "richierich-echo", "messages": [
        {"role": "user", "content": secret}]}, headers={"authorization": "Bearer a-key-of-mine"})
    gw.get("/v1/conversations", params={"search": "nobody else"})
    metrics = gw.get("/metrics").text
    gw.stop()
    text = gw.err.read_text()
    for line in text.splitlines():
        entry = json.loads(line)
        assert {"ts", "level", "event", "node"} <= set(entry)
    for hidden in ("nobody else", "a-token-of-mine", "a-key-of-mine"):
        assert hidden not in text and hidden not in metrics


def test_its_log_ties_requests_sessions_and_generations_together(gateway):
    gw = gateway()
    r = gw.request("POST", "/v1/chat/completions", json={"model": "richierich-echo", "messages": [
        {"role": "user", "content": "x"}]}, headers={"X-Request-Id": "asked.1"})
    gen = r.headers["lastword-gen"]
    gw.get(f"/v1/generations/{gen}", headers={"X-Request-Id": "looked.2"})
    gw.get("/livez", headers={"X-Request-Id": "lives.3"})

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("x", model="richierich-echo")
        await c.close()
        return c.welcome["session"], s.gen

    session, of_session = run(go())
    gw.stop()
    log = gw.log()
    requests = {e["request"]: (e["method"], e["path"], e["gen"], e["status"]) for e in log if e["event"] == "http.request"}
    assert requests["asked.1"] == ("POST", "/v1/chat/completions", gen, 200)
    assert requests["looked.2"] == ("GET", f"/v1/generations/{gen}", gen, 200)
    assert requests["lives.3"] == ("GET", "/livez", None, 200)
    assert [e["gen"] for e in log if e["event"] == "session.accepted" and e["session"] == session] == [of_session]
    for known in (gen, of_session):
        told = [e["event"] for e in log if e.get("gen") == known]
        assert {"generation.accepted", "generation.start", "generation.done"} <= set(told)
        assert [e for e in log if e["event"] == "upstream.call.end" and e["trace"] == known]


def test_what_must_not_be_called():
    """lws_get_peer_addresses resolves names within the loop: seconds of standstill."""
    symbols = subprocess.run(["nm", "-D", find_program("LASTWORD_BIN", "lastword")], capture_output=True, text=True)
    assert symbols.returncode == 0
    assert "lws_get_peer_addresses" not in symbols.stdout


def test_who_includes_the_library():
    users = []
    for folder in ("gateway", "store", "upstream"):
        for path in (ROOT / folder).rglob("*.[ch]"):
            if "libwebsockets.h" in path.read_text():
                users.append(str(path.relative_to(ROOT)))
    assert "gateway/edge/websocket.c" in users and len(users) <= 2, users
