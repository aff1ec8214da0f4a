"""log.level is changed while the gateway runs: SIGHUP takes it over, without a new connection or a new start."""

import json
import signal
import time


def completion(g):
    body = {"model": "richierich-echo", "messages": [{"role": "user", "content": "hello"}]}
    assert g.request("POST", "/v1/chat/completions", json=body).status_code == 200


def set_level(g, level):
    config = json.loads(g.config.read_text())
    config["log"] = {"level": level}
    before = sum(e["event"] == "config.reloaded" for e in g.log())
    g.config.write_text(json.dumps(config))
    g.signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while sum(e["event"] == "config.reloaded" for e in g.log()) == before:
        assert time.monotonic() < deadline, g.log()
        time.sleep(0.005)


def levels_of_an_answer(g):
    before = len(g.log())
    completion(g)
    return {e["level"] for e in g.log()[before:]}


def test_the_level_is_changed_by_a_reload(gateway):
    g = gateway(log={"level": "warn"})
    assert levels_of_an_answer(g) == set()
    set_level(g, "debug")
    assert "debug" in levels_of_an_answer(g)
    set_level(g, "info")
    assert levels_of_an_answer(g) == {"info"}
