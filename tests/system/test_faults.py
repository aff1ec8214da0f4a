"""The sixteen faults an upstream shows (and a few more), and what a user must see: through the real gateway, on the wire."""

import asyncio

import pytest
from conftest import Mock
from wire import Client, Stream, run

QUICK = {"backoff_ms": 20, "backoff_max_ms": 3000, "first_token_ms": 8000, "between_tokens_ms": 600, "stalled_ms": 200,
         "breaker_failures": 50}


def ask(gateway, mock, model, input="why", fallback=None, target=None, upstream=None, continuation="trailing_assistant"):
    """One answer by `model`, with a fallback if named. Returns the stream and what the mock would have said."""
    targets = [{"upstream": "mock", "model": target or model, "order": 1}]
    if fallback:
        targets.append({"upstream": "mock", "model": fallback, "order": 2})
    gw = gateway(continuation=continuation, upstream={**QUICK, **(upstream or {})},
                 routes=[{"model": "asked", "to": targets}])

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask(input, model="asked")
        again = await c.ask("a second prompt in the same chat", chat=s.chat, model="richierich-echo") if s.done else None
        assert not again or again.done["state"] == "complete", "the gateway goes on"
        await c.close()
        return s

    return run(go()), mock.answer("richierich", input)


def attempts(mock, model):
    """Requests the mock was asked for that model."""
    return [r for r in mock.stats()["last"] if r["model"] == model]


def test_s01_429_with_retry_after_is_waited_for(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s01")
    assert s.done["state"] == "complete" and s.text == whole
    assert "retrying" in [m["state"] for m in s.statuses]
    assert s.done["timing"]["ttft_ms"] >= 1000


@pytest.mark.parametrize("model", ["richierich-s02", "richierich-s04"])
def test_s02_s04_for_ever_is_bounded_then_the_fallback(gateway, mock, model):
    s, whole = ask(gateway, mock, model, fallback="richierich@rate=0")
    assert s.done["state"] == "complete" and s.text == whole
    assert len(attempts(mock, model)) <= 4


@pytest.mark.parametrize("model,code", [("richierich-s02", "RATE_LIMITED"), ("richierich-s04", "UPSTREAM_UNAVAILABLE")])
def test_s02_s04_without_a_fallback_end_as_an_error(gateway, mock, model, code):
    s, _ = ask(gateway, mock, model)
    assert s.done["state"] == "error" and not s.data
    assert s.done["error"]["code"] == code and s.done["error"]["message"]
    assert 2 <= len(attempts(mock, model)) <= 4


@pytest.mark.parametrize("model", ["richierich-s03", "richierich-s05", "richierich-s15"])
def test_s03_s05_s15_once_is_tried_again(gateway, mock, model):
    s, whole = ask(gateway, mock, model)
    assert s.done["state"] == "complete" and s.text == whole and not s.rewinds


def test_s06_no_answer_at_all(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s06", upstream={"first_token_ms": 500})
    assert s.done["state"] == "complete" and s.text == whole
    assert "stalled" in [m["state"] for m in s.statuses]


def test_s07_a_slow_first_token_is_no_fault(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s07")
    assert s.done["state"] == "complete" and s.text == whole
    assert len(attempts(mock, "richierich-s07")) == 1


@pytest.mark.parametrize("model", ["richierich-s08", "richierich-s08-rst", "richierich-s09", "richierich-inband-error",
                                   "richierich-inband-error-event"])
def test_s08_s09_cut_stalled_or_failed_in_the_middle_is_continued(gateway, mock, model):
    s, whole = ask(gateway, mock, model)
    assert s.done["state"] == "complete" and s.text == whole
    assert [m["mode"] for m in s.starts] == ["fresh", "prefix"] and not s.rewinds
    assert s.done["usage"] == {"prompt_tokens": 1, "completion_tokens": 200}  # as if nothing had happened


def test_s08_where_continuing_is_not_declared_it_begins_again(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s08", continuation="none")
    assert s.done["state"] == "complete" and s.text == whole
    assert [m["mode"] for m in s.starts] == ["fresh", "restart"]
    assert [r["reason"] for r in s.rewinds] == ["restarted"] and s.rewinds[0]["off"] == 0


@pytest.mark.parametrize("model", ["richierich-s08-forever@fault_after=3", "richierich-s09-forever@fault_after=3"])
def test_past_the_bounds_a_cut_answer_is_truncated_never_complete(gateway, mock, model):
    s, whole = ask(gateway, mock, model)
    assert s.done["state"] == "truncated" and s.done["error"]["message"]
    assert whole.startswith(s.text) and 0 < len(s.text) < len(whole)


def test_s10_a_malformed_event_is_skipped(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s10")
    assert s.done["state"] == "complete" and s.text == whole and len(s.starts) == 1


@pytest.mark.parametrize("mode", ["", "-open", "-fin"])
def test_s11_a_finish_reason_without_done_is_complete(gateway, mock, mode):
    s, whole = ask(gateway, mock, "richierich-s11" + mode)
    assert s.done["state"] == "complete" and s.text == whole
    assert len(attempts(mock, "richierich-s11" + mode)) == 1


def test_s12_context_length_goes_to_the_fallback_without_a_retry(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s12", fallback="richierich@rate=0")
    assert s.done["state"] == "complete" and s.text == whole
    assert len(attempts(mock, "richierich-s12")) == 1


def test_s13_a_refusal_is_retried_nowhere(gateway, mock):
    s, _ = ask(gateway, mock, "richierich-s13", fallback="richierich@rate=0")
    assert s.done["state"] == "filtered" and not s.data
    assert len(mock.stats()["last"]) == 2  # the refusal, and the prompt after it
    s, whole = ask(gateway, mock, "richierich-s13-stream", fallback="richierich@rate=0")
    assert s.done["state"] == "filtered" and whole.startswith(s.text)


def test_s14_a_fallback_that_refuses_a_prefix_begins_again(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s08-forever", fallback="richierich-s14", upstream={"attempts": 8})
    assert s.done["state"] == "complete" and s.text == whole
    assert s.starts[-1]["mode"] == "restart" and s.rewinds


def test_s15_down_and_back_with_few_probes(gateway, mock):
    """Served by the fallback meanwhile; the primary serves again within seconds of its return."""
    gw = gateway(upstream={**QUICK, "breaker_failures": 3, "breaker_ms": 300},
                 routes=[{"model": "asked", "to": [{"upstream": "mock", "model": "richierich-s15-forever", "order": 1},
                                                   {"upstream": "mock", "model": "richierich-echo@rate=0", "order": 2}]}])
    mock.control("richierich-s15-forever", False)

    async def go():
        c = await Client.open(gw.ws)
        for i in range(40):
            s = await c.ask(f"meanwhile {i}", model="asked")
            assert s.done["state"] == "complete" and s.text == f"meanwhile {i}"
        probes = len(attempts(mock, "richierich-s15-forever"))
        assert probes <= 10, f"{probes} requests went to an upstream that was down"
        mock.control("richierich-s15-forever", True)
        for i in range(400):
            s = await c.ask(f"back {i}", model="asked")
            assert s.done["state"] == "complete"
            if s.starts[0]["model"].startswith("richierich-s15"):
                break
        else:
            pytest.fail("the primary never came back")
        await c.close()

    run(go())


@pytest.fixture
def primary(mock, tmp_path):
    """An upstream of its own, that a test may kill and start again at the same address."""
    p = Mock([mock.argv[0], "--port", "0"], tmp_path, "primary").start()
    p.argv[2] = str(p.port)
    yield p
    p.stop()


def kill(program):
    program.process.kill()
    program.wait()


def test_the_only_upstream_is_restarted(gateway, primary):
    """In the middle of an answer: it goes on where it was."""
    gw = gateway(upstreams=[{"name": "p", "url": primary.url, "dialect": "openai", "continue": "trailing_assistant"}],
                 upstream={"attempts": 6})  # fmt: skip

    async def go():
        c = await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "why")
        await c.until(s, lambda s: len(s.data) > 100)
        kill(primary)
        await c.until(s, lambda s: s.statuses)
        await asyncio.to_thread(primary.start)
        await c.finish(s)
        await c.close()
        return s

    s = run(go())
    assert s.done["state"] == "complete" and s.text == primary.answer("richierich", "why") and not s.rewinds


def test_a_primary_is_killed_and_comes_back(gateway, mock, primary):
    """As above, but nothing listens any more: the answers are served meanwhile, by the other."""
    gw = gateway(upstreams=[{"name": "p", "url": primary.url, "dialect": "openai", "continue": "trailing_assistant"},
                            {"name": "mock", "url": mock.url, "dialect": "openai", "continue": "trailing_assistant"}],
                 upstream={**QUICK, "breaker_failures": 3, "breaker_ms": 300},
                 routes=[{"model": "asked", "to": [{"upstream": "p", "model": "richierich@rate=0"},
                                                   {"upstream": "mock", "model": "richierich-echo@rate=0", "order": 2}]}])  # fmt: skip

    async def go():
        c = await Client.open(gw.ws)
        kill(primary)
        for i in range(30):
            s = await c.ask(f"meanwhile {i}", model="asked")
            assert s.done["state"] == "complete" and s.text == f"meanwhile {i}"
        await asyncio.to_thread(primary.start)
        for i in range(2000):
            s = await c.ask(f"back {i}", model="asked")
            assert s.done["state"] == "complete"
            if not s.starts[0]["model"].startswith("richierich-echo"):
                break
        else:
            pytest.fail("the primary never came back")
        await c.close()

    run(go())
    assert primary.requests() == 1


def test_s16_accounting_names_the_model_that_served(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-s16")
    assert s.starts[0]["model"] == "richierich-s16-2026" and s.text == whole
    assert s.done["usage"]["completion_tokens"] == 200 and s.done["usage"]["prompt_tokens"] is not None


def test_length_says_length(gateway, mock):
    s, whole = ask(gateway, mock, "richierich-length")
    assert s.done["state"] == "length" and whole.startswith(s.text)


@pytest.mark.parametrize("name", ["nousage", "slice1", "crlf", "burst", "split", "cutchar", "comments"])
def test_odd_but_whole(gateway, mock, name):
    s, whole = ask(gateway, mock, "richierich-" + name)
    assert s.done["state"] == "complete" and s.text == whole and len(s.starts) == 1
    assert s.done["usage"]["completion_tokens"] == 200


def test_what_the_client_began_is_continued_too(gateway, mock):
    """A last message of the assistant is the beginning of the answer: after a cut, both go on as one."""
    whole = mock.answer("richierich", "why")
    gw = gateway(upstream=QUICK)
    messages = [{"role": "user", "content": "why"}, {"role": "assistant", "content": whole[:50]}]
    reply = gw.request("POST", "/v1/chat/completions", json={"model": "richierich-s08", "messages": messages})
    assert reply.json()["choices"][0]["message"]["content"] == whole[50:]
    began = len(whole[:50].encode())
    assert [r["prefix_len"] > began for r in attempts(mock, "richierich-s08")] == [False, True]
