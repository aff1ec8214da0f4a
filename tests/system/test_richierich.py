"""The mock upstream itself: the program, its models, pace and options, over real sockets."""

import re
import subprocess
import time
import xml.dom.minidom

import pytest
import requests
from richierich_client import CHAT, Raw, Sse, body, post, stream


# --- the program ---


def test_help_and_bad_arguments(mock):
    program = mock.argv[0]
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10)
    assert shown.returncode == 0 and "--port-file" in shown.stdout
    for bad in (["--port", "x"], ["--port", "70000"], ["--what"], ["more"]):
        assert subprocess.run([program, *bad], capture_output=True, timeout=10).returncode == 2
    taken = subprocess.run([program, "--port", str(mock.port)], capture_output=True, text=True, timeout=10)
    assert taken.returncode == 1 and "in use" in taken.stderr


@pytest.mark.parametrize("signal", [15, 2])
def test_port_file_key_and_end(mock, tmp_path, signal):
    file = tmp_path / "port"
    p = subprocess.Popen([mock.argv[0], "--port-file", str(file), "--key", "k1"], stdout=subprocess.PIPE, text=True)
    line = p.stdout.readline()
    url = f"http://127.0.0.1:{file.read_text().strip()}"
    assert line == f"richierich: listening on {url}\n"
    for header in ({}, {"Authorization": "Bearer k2"}, {"Authorization": "k1"}):
        refused = requests.post(url + CHAT, json=body(), headers=header, timeout=10)
        assert refused.status_code == 401 and refused.json()["error"]["code"] == "invalid_api_key"
    assert requests.get(url + "/healthz", timeout=10).status_code == 200
    with requests.post(url + CHAT, json=body(), headers={"Authorization": "Bearer k1"}, stream=True, timeout=10) as r:
        assert r.status_code == 200
        p.send_signal(signal)  # in the middle of a stream
        assert p.wait(5) == 0


# --- chat completions ---


def test_stream_has_the_shape_of_openai(mock):
    s = stream(mock, rate=0)
    first, last_chunk, usage = s.events[0], s.events[-2], s.events[-1]
    assert first["choices"][0] == {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    assert last_chunk["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert usage["choices"] == [] and s.done
    assert s.usage["completion_tokens"] == len(s.texts) == 200
    assert s.usage["total_tokens"] == s.usage["prompt_tokens"] + 200 and s.usage["prompt_tokens"] == 3
    for e in s.events:
        assert e["object"] == "chat.completion.chunk" and e["model"] == "richierich"
        assert e["id"] == first["id"] and e["id"].startswith("chatcmpl-") and abs(e["created"] - time.time()) < 100
    assert s.text == mock.answer("richierich", "hello")
    assert not stream(mock, rate=0, stream_options=None).usage


def test_not_streamed(mock):
    reply = post(mock, body(stream=False)).json()
    assert reply["object"] == "chat.completion" and reply["choices"][0]["finish_reason"] == "stop"
    assert reply["choices"][0]["message"] == {"role": "assistant", "content": mock.answer("richierich", "hello")}
    assert reply["usage"]["completion_tokens"] == 200


def test_models_and_their_texts(mock):
    listed = [m["id"] for m in requests.get(mock.url + "/v1/models", timeout=10).json()["data"]]
    for name in ("richierich", "richierich-s01", "richierich-s16-forever", "richierich-inband-error-once"):
        assert name in listed
    text = mock.answer("richierich", "x")
    for part in ("# ", "\n- ", "|---|", "```", "](https://", "**"):
        assert part in text
    assert re.search("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]", text) and re.search("[\U0001f300-\U0001faff⛵]", text)
    assert len(mock.answer("richierich-long", "x")) > 500_000
    assert mock.answer("richierich-s09", "x") == text != mock.answer("richierich", "y")
    assert mock.answer("richierich", "x", seed=1) != text
    assert requests.post(mock.url + "/v1/answer", json=body(text="x"), timeout=10).content.decode() == text
    xml.dom.minidom.parseString(mock.answer("richierich-rrml", "x"))


@pytest.mark.parametrize("model,tokens", [("richierich-fast", 2000), ("richierich-long", 100_000), ("richierich-rrml", 200)])
def test_models_stream_their_tokens(mock, model, tokens):
    s = stream(mock, model, rate=0)
    assert len(s.texts) == tokens == s.usage["completion_tokens"] and s.text == mock.answer(model, "hello")


@pytest.mark.parametrize("text", ["", "one", "naïve 日本語 👩‍🚀\n\ttab \"quoted\" \\ \u2028 end", "x" * 5000])
def test_echo(mock, text):
    s = stream(mock, "richierich-echo", text, rate=0)
    assert s.text == text and s.finish == "stop" and s.done
    assert all("\ufffd" not in t for t in s.texts)


def test_clock_tokens_say_when_they_were_sent(mock):
    before = time.monotonic()
    stamps = [int(t) / 1e6 for t in stream(mock, "richierich-clock", rate=0, tokens=50).texts]
    assert len(stamps) == 50 and stamps == sorted(stamps)
    assert before - 0.001 <= stamps[0] and stamps[-1] <= time.monotonic()


@pytest.mark.parametrize("rate", [100, 500])
def test_pace(mock, rate):
    start = time.monotonic()
    assert len(stream(mock, rate=rate, tokens=51).texts) == 51
    took = time.monotonic() - start
    assert 50 / rate <= took < 50 / rate + 2


@pytest.mark.parametrize("rate", [1e-300, 1e-9, 0.001])
def test_a_rate_near_zero(mock, rate):
    r = Raw(mock, body(rate=rate))
    r.until(b'"content":"#')  # the first token is due at once
    assert r.silent_for(0.3)
    r.close()
    mock.wait_for(lambda s: s["running"] == 0)


def test_first_token_time_and_jitter(mock):
    r = Raw(mock, body(first_token_ms=300, rate=100, tokens=5, jitter=0.9))
    start = time.monotonic()
    r.until(b"\r\n\r\n")  # the head comes at once
    head = r.reads[-1][0] - start
    r.until(b'"content"')
    assert head < 0.25 and 0.29 < r.reads[-1][0] - start
    assert b"[DONE]" in r.until(b"0\r\n\r\n")
    assert post(mock, body(stream=False, first_token_ms=200)).elapsed.total_seconds() >= 0.2


def test_a_token_is_one_write(mock):
    r = Raw(mock, body(rate=20, tokens=20))
    r.until(b"0\r\n\r\n")
    assert len(r.chunks()[0]) == 20 and 15 <= len(r.reads) <= 24


def test_token_size_and_tokens(mock):
    s = stream(mock, tokens=123, token_size=40, rate=0)
    assert len(s.texts) == 123 and 30 < len(s.text.encode()) / 123 < 50
    assert stream(mock, tokens=0).texts == []
    assert stream(mock, "richierich@tokens=17,rate=0").text == mock.answer("richierich", "hello", tokens=17)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_max_tokens(mock, field):
    s = stream(mock, rate=0, **{field: 7})
    assert len(s.texts) == 7 and s.finish == "length" and mock.answer("richierich", "hello").startswith(s.text)
    assert stream(mock, rate=0, **{field: 200}).finish == "stop"


def test_stop_strings(mock):
    whole = mock.answer("richierich", "hello")
    stop = whole[301:309]
    for value in (stop, ["\x00never", stop]):
        s = stream(mock, rate=0, stop=value)
        assert s.text == whole[: whole.index(stop)] and s.finish == "stop"
    assert stream(mock, rate=0, stop=stop, prefix=s.text[:100]).text == s.text[100:]


def test_content_in_parts(mock):
    parts = [{"type": "text", "text": "he"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "llo"}]
    data = body(rate=0)
    data["messages"][-1]["content"] = parts
    assert Sse(post(mock, data).content.decode()).text == mock.answer("richierich", "hello")
