"""Upstreams over TLS: HTTP/2 on few connections where the server has it, HTTP/1.1 where it has not, and no answer
from one whose certificate nobody vouches for."""

import asyncio
import json
import pathlib
import shutil
import ssl
import subprocess
import types
import urllib.request

import pytest
from wire import Client, run

NODE, OPENSSL = shutil.which("node"), shutil.which("openssl")
pytestmark = pytest.mark.skipif(not NODE or not OPENSSL, reason="needs node and openssl")
SCRIPT = pathlib.Path(__file__).with_name("tls_upstream.js")
MANY = 60


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run([OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)  # fmt: skip
    return key, cert


@pytest.fixture(params=["h2", "h1"])
def server(request, certificate):
    process = subprocess.Popen([NODE, str(SCRIPT), *map(str, certificate), request.param], stdout=subprocess.PIPE)
    url = process.stdout.readline().decode().split()[-1]
    yield types.SimpleNamespace(url=url, version={"h2": "2.0", "h1": "1.1"}[request.param])
    process.terminate()
    process.wait()


def stats(server):
    nobody = ssl._create_unverified_context()
    return json.load(urllib.request.urlopen(server.url + "/v1/stats", timeout=10, context=nobody))


def test_many_answers_at_once(gateway, server, certificate):
    gw = gateway(upstreams=[{"name": "tls", "url": server.url, "dialect": "openai"}], upstream={"default_model": "m"},
                 env={"SSL_CERT_FILE": str(certificate[1])})  # fmt: skip

    async def one():
        c = await Client.open(gw.ws)
        s = await c.ask("why")
        await c.close()
        return s

    async def all_of_them():
        return await asyncio.gather(*(one() for _ in range(MANY)))

    for s in run(all_of_them()):
        assert s.done["state"] == "complete" and s.text == "one two three"
    seen = stats(server)
    assert seen["versions"] == {server.version: MANY + 1}
    if server.version == "2.0":
        assert seen["connections"] <= 6  # ours are few, and the asking of these numbers makes one
    else:
        assert seen["connections"] > 20  # each answer needs its own, and none waited for another's end


def test_a_stranger_is_not_trusted(gateway, server):
    gw = gateway(upstreams=[{"name": "tls", "url": server.url, "dialect": "openai", "models": ["m"]}],
                 upstream={"default_model": "m"})  # fmt: skip

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("why")
        await c.close()
        return s

    s = run(go())
    assert s.done["state"] == "error" and s.done["error"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert stats(server)["requests"] == 0
