"""Anthropic's Messages as an upstream: the faults of test_faults.py over that dialect, and what is its own."""

import json

import pytest
from conftest import Mock, find_program
from wire import Client, run

QUICK = {"backoff_ms": 20, "backoff_max_ms": 3000, "first_token_ms": 1500, "between_tokens_ms": 600, "stalled_ms": 200,
         "breaker_failures": 50}


def start(gateway, mock, continuation="trailing_assistant", upstream=None, **settings):
    entry = {"name": "claude", "url": mock.url, "dialect": "anthropic", "continue": continuation, **(upstream or {})}
    return gateway(upstreams=[entry], upstream=QUICK, **settings)


def ask(gateway, mock, model, input="why", fallback=None, continuation="trailing_assistant", **more):
    """One answer by `model`, and what the mock would have said."""
    targets = [{"upstream": "claude", "model": m, "order": i + 1} for i, m in enumerate([model] + ([fallback] if fallback else []))]
    gw = start(gateway, mock, continuation, routes=[{"model": "asked", "to": targets}])

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask(input, model="asked", **more)
        await c.close()
        return s

    return run(go()), mock.answer("richierich", input)


@pytest.mark.parametrize("name", ["", "-s01", "-s03", "-s05", "-s06", "-s10", "-s11", "-s11-open", "-s11-fin", "-crlf", "-burst", "-split",
                                  "-slice1", "-cutchar", "-comments"])
def test_whole_whatever_comes_between(gateway, mock, name):
    s, whole = ask(gateway, mock, "richierich" + name + "@rate=0")
    assert s.done["state"] == "complete" and s.text == whole and not s.rewinds
    assert s.done["usage"] == {"prompt_tokens": 1, "completion_tokens": 200}


@pytest.mark.parametrize("name", ["s08", "s08-rst", "s09", "inband-error"])
@pytest.mark.parametrize("after", [37, 40, 43])
def test_broken_in_the_middle_is_continued(gateway, mock, name, after):
    """A beginning may not end in white space there; it is exact all the same."""
    s, whole = ask(gateway, mock, f"richierich-{name}@fault_after={after},rate=0")
    assert s.done["state"] == "complete" and s.text == whole
    assert [m["mode"] for m in s.starts] == ["fresh", "prefix"] and not s.rewinds


def test_a_beginning_that_ends_in_white_space(gateway, mock):
    """One byte a token: wherever the cut is, nothing is lost and nothing comes twice."""
    whole = mock.answer("richierich", "why", tokens=400, token_size=1)
    spaces = [i for i, c in enumerate(whole) if c.isspace() and whole[:i + 1].isascii()]
    after = spaces[1] + 1
    s, _ = ask(gateway, mock, f"richierich-s08@tokens=400,token_size=1,rate=0,fault_after={after}")
    assert s.done["state"] == "complete" and s.text == whole and not s.rewinds
    assert [m["mode"] for m in s.starts] == ["fresh", "prefix"]
    assert [r["prefix_len"] for r in mock.stats()["last"]] == [0, len(whole[:after].rstrip())]


def test_where_continuing_is_not_declared_or_refused_it_begins_again(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s08@rate=0", continuation="none")
    assert s.done["state"] == "complete" and s.text == whole and len(s.rewinds) == 1
    s, whole = ask(gateway, mock, "richierich-s08-forever@rate=0", input="again", fallback="richierich-s14@rate=0")
    assert s.done["state"] == "complete" and s.text == whole and s.rewinds


@pytest.mark.parametrize("name,state,code", [("s02", "error", "RATE_LIMITED"), ("s04", "error", "UPSTREAM_UNAVAILABLE"),
                                             ("s12", "error", "TOO_LARGE"), ("s13", "filtered", "FILTERED"),
                                             ("s13-stream", "filtered", "FILTERED"), ("length", "length", None),
                                             ("s08-forever@fault_after=3", "truncated", "UPSTREAM_ERROR")])  # fmt: skip
def test_its_refusals_and_ends(gateway, mock, name, state, code):
    s, whole = ask(gateway, mock, "richierich-" + name)
    assert s.done["state"] == state and whole.startswith(s.text)
    assert (s.done.get("error") or {}).get("code") == code


def test_429_waits_as_long_as_it_says(gateway, mock):
    s, _ = ask(gateway, mock, "richierich-s01@rate=0")
    assert s.done["state"] == "complete" and s.done["timing"]["ttft_ms"] >= 1000


def test_thinking_is_reasoning(gateway, mock):
    gw = start(gateway, mock, routes=[{"model": "asked", "to": [{"upstream": "claude", "model": "richierich@rate=0",
                                       "body": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}]}])  # fmt: skip
    reply = gw.request("POST", "/v1/chat/completions", json={"model": "asked", "messages": [{"role": "user", "content": "why"}]})
    message = reply.json()["choices"][0]["message"]
    assert message["content"] == mock.answer("richierich", "why") and message["reasoning_content"] == "Let me think."


def test_what_openai_clients_send_is_what_this_service_takes(gateway, mock):
    """Two of the user in a row, an empty one, an answer first, parameters it does not know: the mock refuses each."""
    gw = start(gateway, mock, upstream={"max_tokens": 7})
    messages = [{"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "I begin."},
                {"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]},
                {"role": "assistant", "content": ""}, {"role": "user", "content": "c d e f g h i j"}]  # fmt: skip
    body = {"model": "richierich-echo", "messages": messages, "seed": 3, "user": "u", "n": 1, "stop": "g", "temperature": 1.5}
    choice = gw.request("POST", "/v1/chat/completions", json=body).json()["choices"][0]
    assert choice["message"]["content"] == "abc d e f " and choice["finish_reason"] == "stop"
    choice = gw.request("POST", "/v1/chat/completions", json={**body, "stop": None}).json()["choices"][0]
    assert choice["finish_reason"] == "length", "max_tokens of the upstream, where the request has none"
    body = {**body, "stop": None, "max_completion_tokens": 100}
    assert gw.request("POST", "/v1/chat/completions", json=body).json()["choices"][0]["finish_reason"] == "stop"


def test_the_key_goes_in_its_own_header_and_into_no_log(gateway, mock, tmp_path):
    keyed = Mock([find_program("RICHIERICH_BIN", "richierich", "upstream/mock/richierich"), "--port", "0", "--key", "sk-secret-1"],
                 tmp_path, "keyed").start()  # fmt: skip
    try:
        gw = start(gateway, keyed, upstream={"key": "sk-secret-1"})
        body = {"model": "richierich-echo", "messages": [{"role": "user", "content": "hello"}]}
        assert gw.request("POST", "/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"] == "hello"
        assert "sk-secret-1" not in gw.err.read_text() + gw.get("/metrics").text
        wrong = start(gateway, keyed, upstream={"key": "sk-secret-2", "models": ["richierich"]})
        reply = wrong.request("POST", "/v1/chat/completions", json={**body, "model": "richierich"})
        assert reply.status_code == 502 and "sk-secret-2" not in json.dumps(reply.json()) + wrong.err.read_text()
    finally:
        keyed.stop()
