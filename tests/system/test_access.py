"""Who may come in: without a credential, with a key, with a token, with a ticket; and what is told to whom may not."""

import base64
import hmac
import json
import os
import socket
import sqlite3
import subprocess
import time

import pytest
import websockets

from conftest import find_program
from raw import until
from test_program import UPSTREAM, lastword
from wire import Client, run, uuid7


# -------------------------------------------------------------------- mode none


def test_open_to_this_machine_alone(tmp_path):
    def config(host, **auth):
        return {"listen": {"host": host, "port": 0}, "auth": auth, "upstreams": [UPSTREAM],
                "history": {"path": str(tmp_path / "x.db")}}

    for command in ("check-config", "serve"):
        done = lastword(command, config=config("0.0.0.0"), tmp_path=tmp_path)
        assert done.returncode == 1 and not done.stdout, command
        assert "listen.host" in done.stderr and "0.0.0.0" in done.stderr and "auth.open" in done.stderr
    for host, auth in (("0.0.0.0", {"open": True}), ("127.0.0.1", {}), ("localhost", {}), ("::1", {})):
        done = lastword("check-config", config=config(host, **auth), tmp_path=tmp_path)
        assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_open_where_it_was_told_so(gateway):
    g = gateway(listen={"host": "0.0.0.0"}, auth={"open": True})
    with socket.create_connection(("127.0.0.1", g.port), 5):
        pass
    assert g.get("/v1/models").status_code == 200


def test_a_socket_of_systemd_is_looked_at_too(tmp_path):
    config = {"upstreams": [UPSTREAM], "history": {"path": str(tmp_path / "x.db")}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    with socket.create_server(("0.0.0.0", 0)) as sock:
        script = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&"$SOCKET" {SOCKET}<&-'
        argv = [find_program("LASTWORD_BIN", "lastword"), "serve", "--config", str(tmp_path / "config.yaml")]
        done = subprocess.run(["bash", "-c", script, "bash", *argv], env={**os.environ, "SOCKET": str(sock.fileno())},
                              pass_fds=[sock.fileno()], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and not done.stdout
    assert "other machines can reach 0.0.0.0:" in done.stderr and "auth.open" in done.stderr


# -------------------------------------------------------------------- API keys


def key_command(g, *arguments, code=0):
    done = subprocess.run([find_program("LASTWORD_BIN", "lastword"), "key", *arguments, "--config", str(g.config)],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == code, done.stderr
    return done.stdout.strip() if code == 0 else done.stderr


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def until_status(g, key, status):
    until(lambda: g.get("/v1/models", headers=bearer(key)).status_code == status, 10)


def test_keys_come_and_go_while_it_runs(gateway):
    g = gateway(auth={"mode": "keys", "keys_ms": 100})
    began = time.monotonic()
    key = key_command(g, "create", "--name", "bob", "--user", "bob", "--tenant", "acme")
    other = key_command(g, "create", "--name", "eve", "--user", "eve", "--tenant", "acme", "--models", "nothing,else")
    until_status(g, key, 200)
    until_status(g, other, 200)
    assert time.monotonic() - began < 5
    assert "there is a key of that name" in key_command(g, "create", "--name", "bob", "--user", "x", code=1)
    assert g.get("/v1/models", headers=bearer(other)).json()["data"] == []
    asked = g.request("POST", "/v1/chat/completions", headers=bearer(other),
                      json={"messages": [{"role": "user", "content": "x"}]})
    assert asked.status_code == 403 and asked.json()["error"]["code"] == "FORBIDDEN"
    rows = [json.loads(line) for line in key_command(g, "list", "--json").splitlines()]
    assert [(r["name"], r["owner"], r["state"]) for r in rows] == [
        ("bob", "acme/bob", "good"), ("eve", "acme/eve", "good")]
    listed = key_command(g, "list")
    assert rows[0]["id"] in listed and "acme/bob" in listed

    async def lives_until_it_is_revoked():
        client = await Client.open(g.ws, token=key)
        key_command(g, "revoke", "bob")
        assert (await client.closed(10)) == 4501

    run(lives_until_it_is_revoked())
    until_status(g, key, 401)
    until_status(g, other, 200)
    assert "no such key" in key_command(g, "revoke", "bob", code=1)
    key_command(g, "revoke", rows[1]["id"])
    until_status(g, other, 401)
    for secret in (key, other):
        kept = b"".join(f.read_bytes() for f in g.config.parent.iterdir() if f.is_file())
        assert secret.encode() not in kept and secret[-43:].encode() not in kept
    again = key_command(g, "create", "--name", "bob", "--user", "bob", "--tenant", "acme", "--expires", "1m")
    assert again != key


def test_key_misuse(tmp_path):
    for arguments, word in (
        ([], "create, list or revoke"), (["make"], "create, list or revoke"), (["create"], "--name is missing"),
        (["create", "--name", "a b", "--user", "u"], "--name must be"),
        (["create", "--name", "0123456789abcdef", "--user", "u"], "looks like the id"),
        (["create", "--name", "a"], "--user is missing"), (["create", "--name", "a", "--user", "u/v"], "--user must"),
        (["create", "--name", "a", "--user", "u" * 128], "--tenant and --user"),
        (["create", "--name", "a", "--user", "u", "--expires", "2001-01-01"], "--expires must"),
        (["create", "--name", "a", "--user", "u", "--expires", "3w"], "--expires must"),
        (["create", "--name", "a", "--user", "u", "--models", "a,,b"], "--models must"),
        (["create", "--name", "a", "--user", "u", "--limits", "[]"], "--limits must"),
        (["create", "--name", "a", "--name", "b"], "given twice"), (["create", "--name"], "needs a value"),
        (["revoke"], "wants the name"), (["revoke", "a", "b"], "unknown argument: b"), (["list", "--name=a"], "unknown"),
    ):
        done = subprocess.run([find_program("LASTWORD_BIN", "lastword"), "key", *arguments],
                              capture_output=True, text=True, timeout=20, cwd=tmp_path)
        assert done.returncode == 2 and word in done.stderr and not done.stdout, (arguments, done.stderr)
    assert not list(tmp_path.iterdir())


def test_keys_that_cannot_be_read_are_not_refused(tmp_path, gateway):
    """Nobody is told to stay away because a database is: history is gone, and so are the keys that were to be read."""
    g = gateway(auth={"mode": "keys", "keys_ms": 100})
    key = key_command(g, "create", "--name", "bob", "--user", "bob")
    until_status(g, key, 200)
    path = next(f for f in g.config.parent.iterdir() if f.suffix == ".db")
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE api_keys_revision RENAME TO away")
    until(lambda: any(e["event"] == "keys.unreadable" for e in g.log()), 10)
    assert g.get("/v1/models", headers=bearer(key)).status_code == 200
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE away RENAME TO api_keys_revision")
    until(lambda: any(e["event"] == "keys.recovered" for e in g.log()), 10)


# -------------------------------------------------------------------- JWT


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(secret, kid, **claims):
    claims = {"iss": "https://id.example", "aud": "lastword", "sub": "bob", "org": "acme", "exp": time.time() + 600, **claims}
    parts = [b64(json.dumps(p).encode()) for p in ({"alg": "HS256", "kid": kid}, claims)]
    return ".".join([*parts, b64(hmac.digest(secret, ".".join(parts).encode(), "sha256"))])


def jwks(path, **secrets):
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "kid": k, "k": b64(s)} for k, s in secrets.items()]}))
    new.replace(path)


def test_tokens(gateway, tmp_path):
    one, two = b"1" * 32, b"2" * 32
    path = tmp_path / "jwks.json"
    jwks(path, one=one)
    settings = {"auth": {"mode": "jwt"}, "jwt": {"jwks": str(path), "refresh_ms": 50, "issuer": "https://id.example", "skew_s": 0,
                                                 "audience": "lastword", "tenant_claim": "org"}}
    g = gateway(**settings)
    assert g.get("/v1/models", headers=bearer(jwt(one, "one"))).status_code == 200
    for wrong in (jwt(two, "one"), jwt(one, "two"), jwt(one, "one", aud="other"), jwt(one, "one", exp=time.time() - 1), "x.y.z"):
        assert g.get("/v1/models", headers=bearer(wrong)).status_code == 401
    jwks(path, two=two)  # rotated
    until(lambda: g.get("/v1/models", headers=bearer(jwt(two, "two"))).status_code == 200, 10)
    assert g.get("/v1/models", headers=bearer(jwt(one, "one"))).status_code == 401
    path.write_text("{")  # wrong: what was known stays
    until(lambda: any(e["event"] == "tokens.keys_refused" for e in g.log()), 10)
    assert g.get("/v1/models", headers=bearer(jwt(two, "two"))).status_code == 200

    async def expires_and_is_renewed():
        c = await Client.open(g.ws, token=jwt(two, "two", exp=time.time() + 1))
        d = await Client.open(g.ws, token=jwt(two, "two", exp=time.time() + 1))
        await d.say({"type": "auth", "token": jwt(two, "two")})
        assert await c.closed(10) == 4005
        await d.ask("still here")
        await d.say({"type": "auth", "token": jwt(two, "two", sub="eve")})
        assert await d.closed(10) == 4503

    run(expires_and_is_renewed())


def test_a_set_of_keys_that_is_wrong(tmp_path):
    (tmp_path / "jwks.json").write_text('{"keys":[{"kty":"oct","kid":"x","k":"AAAA"}]}')
    config = {"auth": {"mode": "jwt"}, "upstreams": [UPSTREAM], "history": {"path": str(tmp_path / "x.db")},
              "jwt": {"jwks": str(tmp_path / "jwks.json"), "issuer": "i", "audience": "a"}, "listen": {"port": 0}}
    for command in ("check-config", "serve"):
        done = lastword(command, config=config, tmp_path=tmp_path)
        assert done.returncode == 1 and "jwt.jwks" in done.stderr and "alg is missing" in done.stderr


# -------------------------------------------------------------------- tickets


def test_tickets(gateway):
    g = gateway(auth={"mode": "keys"}, keys=[{"name": "a", "owner": "t/a", "key": "key-of-a"}])

    def ticket(**more):
        answer = g.request("POST", "/v1/tickets", headers=bearer("key-of-a"), **more)
        assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
        return answer.json()

    async def go():
        t = ticket()
        c = await Client.open(g.ws, token=t["ticket"])
        s = await c.ask("hello")
        assert s.data
        again = Client(g.ws)
        again.ws = await websockets.connect(g.ws, subprotocols=["lastword.v1.json"])
        await again.say({"type": "hello", "token": t["ticket"]})
        assert await again.closed() == 4501
        t = ticket()
        d = Client(g.ws)
        d.ws = await websockets.connect(g.ws, subprotocols=["lastword.v1.json", t["protocol"]])
        assert d.ws.subprotocol == "lastword.v1.json"  # and the ticket comes back in no header
        await d.say({"type": "hello"})
        assert (await d.hear())["type"] == "welcome"
        e = Client(g.ws)
        e.ws = await websockets.connect(g.ws, subprotocols=["lastword.v1.json", t["protocol"]])
        await e.say({"type": "hello"})
        assert await e.closed() == 4501
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            await websockets.connect(g.ws, subprotocols=["lastword.v1.json", t["protocol"][:-2]])
        assert refused.value.status_code == 401
        await c.close(), await d.close()

    run(go())
    t = ticket()["ticket"]
    assert g.get("/v1/models", headers=bearer(t)).status_code == 401  # for a WebSocket, and nothing else
    assert g.request("POST", "/v1/tickets", headers=bearer(t)).status_code == 401
    assert g.request("POST", "/v1/tickets").status_code == 401
    assert t not in g.err.read_text()


# -------------------------------------------------------------------- another's and nobody's


def test_anothers_and_nobodys_answer_alike(gateway):
    """The whole response, but for its date and request id."""
    g = gateway(auth={"mode": "keys"}, keys=[{"name": n, "owner": o, "key": f"key-of-{n}"} for n, o in (
        ("a", "t/a"), ("b", "t/b"), ("c", "u/a"))])

    async def make():
        c = await Client.open(g.ws, token="key-of-a")
        s = await c.ask("a secret")
        await c.close()
        return s

    s = run(make())
    until(lambda: g.get(f"/v1/conversations/{s.chat}", headers=bearer("key-of-a")).status_code == 200, 10)

    def whole(method, path, key, **more):
        with socket.create_connection(("127.0.0.1", g.port), 10) as raw:
            body = json.dumps(more).encode() if more else b""
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nX-Request-Id: same\r\n" \
                   f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + body)
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 404 "), answer
        return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.lower().startswith(b"date:"))

    for method, path, more in (
        ("GET", "/v1/generations/{gen}", {}), ("GET", "/v1/generations/{gen}/events", {}), ("DELETE", "/v1/generations/{gen}", {}),
        ("GET", "/v1/conversations/{chat}", {}), ("GET", "/v1/conversations/{chat}/export?format=json", {}),
        ("PATCH", "/v1/conversations/{chat}", {"title": "mine"}), ("DELETE", "/v1/conversations/{chat}", {}),
    ):
        for key in ("key-of-b", "key-of-c"):
            other = whole(method, path.format(gen=s.gen, chat=s.chat), key, **more)
            none = whole(method, path.format(gen=uuid7(), chat=uuid7()), key, **more)
            assert other == none, (method, path)

    async def on_the_wire():
        for key in ("key-of-b", "key-of-c"):
            c = await Client.open(g.ws, token=key)
            told = []
            for gen in (s.gen, uuid7()):
                await c.say({"type": "resume", "gen": gen, "epoch": 1, "off": 0, "crc": "00000000"})
                m = json.loads(await c.ws.recv())
                assert m.pop("gen") == gen and m["code"] == "NOT_FOUND"
                told.append(m)
                await c.say({"type": "cancel", "gen": gen})
                m = json.loads(await c.ws.recv())
                assert m.pop("gen") == gen
                told.append(m)
            assert told[:2] == told[2:]
            await c.close()

    run(on_the_wire())
    assert g.get(f"/v1/generations/{s.gen}", headers=bearer("key-of-a")).json()["text"] == s.text
