"""The original richieRich dialect as an upstream: the gateway asks over a WebSocket, with the faults of that dialect."""

import pytest
from wire import Client, Stream, run

MODELS = ["richierich-rrml", "richierich", "richierich-slow", "richierich-long", "richierich-echo"] + [
    f"richierich-{f}" for f in ("s01", "s03", "s05", "s06", "s08", "s09", "s10", "s12", "s13", "inband-error", "cutchar", "split",
                                "slice1", "comments", "burst")]  # fmt: skip
QUICK = {"backoff_ms": 20, "first_token_ms": 1500, "between_tokens_ms": 600, "stalled_ms": 200, "breaker_failures": 50}


def start(gateway, mock, continuation="trailing_assistant", **settings):
    return gateway(upstreams=[{"name": "rich", "url": mock.url, "dialect": "richierich", "continue": continuation,
                               "models": MODELS}], upstream={"default_model": "richierich-rrml", **QUICK}, **settings)


def ask(gateway, mock, model, input="why", continuation="trailing_assistant"):
    gw = start(gateway, mock, continuation)

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask(input, model=model)
        await c.close()
        return s

    return run(go())


@pytest.mark.parametrize("model", ["richierich-rrml", "richierich-s10", "richierich-cutchar", "richierich-split",
                                   "richierich-slice1", "richierich-comments", "richierich-burst"])
def test_an_answer(gateway, mock, model):
    s = ask(gateway, mock, model)
    family = "richierich-rrml" if model == "richierich-rrml" else "richierich"
    assert s.done["state"] == "complete" and s.text == mock.answer(family, "why")
    assert not s.rewinds


def test_the_prompt_is_the_last_user_message(gateway, mock):
    s = ask(gateway, mock, "richierich-echo", input="日本 & <b> \"quoted\"\nlines")
    assert s.text == "日本 & <b> \"quoted\"\nlines"


@pytest.mark.parametrize("model", ["richierich-s01", "richierich-s03", "richierich-s05", "richierich-s06"])
def test_a_refused_first_try(gateway, mock, model):
    s = ask(gateway, mock, model)
    assert s.done["state"] == "complete" and s.text == mock.answer("richierich", "why") and not s.rewinds


@pytest.mark.parametrize("model", ["richierich-s08", "richierich-s09", "richierich-inband-error"])
def test_broken_in_the_middle(gateway, mock, model):
    s = ask(gateway, mock, model)
    assert s.done["state"] == "complete" and s.text == mock.answer("richierich", "why") and not s.rewinds
    assert mock.stats()["continuations"] == 1
    mock.reset()  # the faults too
    s = ask(gateway, mock, model, input="again", continuation="none")
    assert s.done["state"] == "complete" and s.text == mock.answer("richierich", "again") and len(s.rewinds) == 1


@pytest.mark.parametrize("model,state,asked", [("richierich-s12", "complete", 2), ("richierich-s13", "filtered", 1)])
def test_a_prompt_refused(gateway, mock, model, state, asked):
    """Too long for one model: the other is asked. Filtered: nobody is."""
    gw = start(gateway, mock, routes=[{"model": "asked", "to": [{"upstream": "rich", "model": model},
                                                                {"upstream": "rich", "model": "richierich-echo", "order": 2}]}])

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("why", model="asked")
        await c.close()
        return s

    s = run(go())
    assert s.done["state"] == state and s.text == ("why" if state == "complete" else "")
    assert mock.requests() == asked


def test_an_unpaced_answer(gateway, mock):
    s = ask(gateway, mock, "richierich-long")
    assert s.done["state"] == "complete" and s.text == mock.answer("richierich-long", "why")


def test_cancel_closes_the_upstream(gateway, mock):
    gw = start(gateway, mock)

    async def go():
        c = await Client.open(gw.ws)
        s = Stream()
        await c.send(s, "why", model="richierich-slow")
        await c.until(s, lambda s: s.data)
        await c.say({"type": "cancel", "gen": s.gen})
        await c.finish(s)
        await c.close()
        return s

    s = run(go())
    assert s.done["state"] == "cancelled"
    mock.wait_for(lambda st: st["running"] == 0)
    assert mock.stats()["aborted"] == 1


def test_nobody_there(gateway, mock):
    gw = gateway(upstreams=[{"name": "rich", "url": "http://127.0.0.1:1", "dialect": "richierich", "models": ["m"]}],
                 upstream={"default_model": "m", **QUICK})

    async def go():
        c = await Client.open(gw.ws)
        s = await c.ask("why")
        await c.close()
        return s

    s = run(go())
    assert s.done["state"] == "error" and s.done["error"]["code"] == "UPSTREAM_UNAVAILABLE"
