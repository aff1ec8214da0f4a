"""Keys from files: several of one upstream, and others after SIGHUP. None is ever shown."""

import signal

import pytest
from conftest import Mock, find_program

BODY = {"model": "richierich-echo", "messages": [{"role": "user", "content": "hello"}]}
KEYS = ["sk-first-4711", "sk-second-4712", "sk-third-4713"]


@pytest.fixture
def keyed(tmp_path):
    """A mock that takes only the second key."""
    p = Mock([find_program("RICHIERICH_BIN", "richierich", "upstream/mock/richierich"), "--port", "0", "--key", KEYS[1]],
             tmp_path, "keyed").start()  # fmt: skip
    yield p
    p.stop()


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"key{i}" for i in range(len(KEYS))]
    for path, key in zip(paths, KEYS):
        path.write_text(key + "\n")
    return paths


def start(gateway, keyed, dialect, **more):
    return gateway(upstreams=[{"name": "k", "url": keyed.url + "/v1", "dialect": dialect, **more}], upstream={"backoff_ms": 20})


def shown(gw):
    return gw.err.read_text() + gw.out.read_text() + gw.get("/metrics").text


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_refused_key_rests_and_the_next_takes_over(gateway, keyed, files, dialect):
    gw = start(gateway, keyed, dialect, key_files=[str(f) for f in files], models=["richierich-echo"])
    for _ in range(3):
        reply = gw.request("POST", "/v1/chat/completions", json=BODY)
        assert reply.json()["choices"][0]["message"]["content"] == "hello"
    assert gw.metric("lastword_upstream_key_rests_total", upstream="k") == 1
    assert gw.metric("lastword_upstream_requests_total", upstream="k") == 4  # the refused one, and three
    assert [e["key"] for e in gw.log() if e["event"] == "upstream.key.rests"] == [1]
    assert not [key for key in KEYS if key in shown(gw)]


def test_the_list_of_models_is_asked_with_the_next_key_too(gateway, keyed, files):
    gw = start(gateway, keyed, "openai", key_files=[str(f) for f in files])  # ready: it has the list
    assert gw.request("POST", "/v1/chat/completions", json=BODY).status_code == 200


def test_files_are_read_again_at_sighup(gateway, keyed, files):
    gw = start(gateway, keyed, "openai", key_files=[str(files[0])], models=["richierich-echo"])
    assert gw.request("POST", "/v1/chat/completions", json=BODY).status_code == 502
    files[0].write_text(KEYS[1])
    gw.signal(signal.SIGHUP)
    while not [e for e in gw.log() if e["event"] == "config.reloaded"]:
        gw.get("/healthz")
    reply = gw.request("POST", "/v1/chat/completions", json=BODY)
    assert reply.status_code == 200 and not [key for key in KEYS if key in shown(gw)]
