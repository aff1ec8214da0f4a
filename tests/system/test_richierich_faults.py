"""The mock upstream's faults, each as the bytes that a gateway will meet.

Where a fault is one of bytes (a reset, one byte a segment, a character cut in two), the test reads the socket
itself, so that no HTTP library smooths it over.
"""

import re
import time

import pytest
import requests
from richierich_client import Raw, Sse, body, post, stream

PLAIN_FAULTS = ["nousage", "slice1", "crlf", "burst", "split", "cutchar", "comments"]


# --- the sixteen faults ---


def fails_then_answers(mock, model, status, code, **fields):
    """Faulty on the first attempt of each question, and only then."""
    for text in ("one", "two"):
        reply = post(mock, body(model, text, rate=0, **fields))
        assert reply.status_code == status and reply.json()["error"]["code"] == code
        assert stream(mock, model, text, rate=0).text == mock.answer("richierich", text)


def fails_for_ever(mock, model, status, code):
    for _ in range(4):
        reply = post(mock, body(model))
        assert reply.status_code == status and reply.json()["error"]["code"] == code
        assert reply.headers.get("connection") != "close"
    return reply


def test_s01_rate_limited_once(mock):
    reply = post(mock, body("richierich-s01", "zero"))
    assert reply.status_code == 429 and reply.headers["retry-after"] == "1"
    assert post(mock, body("richierich-s01", "zero ", retry_after=7)).headers["retry-after"] == "7"
    fails_then_answers(mock, "richierich-s01", 429, "rate_limit_exceeded")


def test_s02_rate_limited_for_ever(mock):
    assert "retry-after" not in fails_for_ever(mock, "richierich-s02", 429, "rate_limit_exceeded").headers


def test_s03_server_error_once(mock):
    fails_then_answers(mock, "richierich-s03", 500, "internal_error")


def test_s04_unavailable_for_ever(mock):
    fails_for_ever(mock, "richierich-s04", 503, "service_unavailable")


def test_s05_reset_before_headers(mock):
    r = Raw(mock, body("richierich-s05"))
    with pytest.raises(ConnectionResetError):
        r.read()
    assert r.bytes == b""
    assert stream(mock, "richierich-s05").done


def test_s06_no_answer_at_all(mock):
    r = Raw(mock, body("richierich-s06"))
    assert r.silent_for(0.5) and mock.stats()["running"] == 1
    r.close()
    mock.wait_for(lambda s: s["running"] == 0)
    assert mock.stats()["last"][-1]["ended"] == "fault"
    assert stream(mock, "richierich-s06").done


def test_s07_slow_first_token(mock):
    r = Raw(mock, body("richierich-s07", rate=0))
    start = time.monotonic()
    r.until(b'"content"')
    assert 2.9 < r.reads[-1][0] - start < 5
    r = Raw(mock, body("richierich-s07", rate=0, first_token_ms=200))
    start = time.monotonic()
    assert b"[DONE]" in r.until(b"0\r\n\r\n")
    assert 0.19 < time.monotonic() - start < 2


def test_s08_cut_after_40_tokens(mock):
    r = Raw(mock, body("richierich-s08"))
    while r.read():
        pass
    chunks, ended = r.chunks()
    s = Sse(b"".join(chunks).decode())
    assert not ended and len(s.texts) == 40 and not s.finish and not s.done
    whole = mock.answer("richierich", "hello")
    assert whole.startswith(s.text)
    assert s.text + stream(mock, "richierich-s08", prefix=s.text).text == whole


def test_s08_by_reset_at_any_place(mock):
    r = Raw(mock, body("richierich-s08-rst", fault_after=3))
    with pytest.raises(ConnectionResetError):
        while r.read():
            pass
    assert len(Sse(b"".join(r.chunks()[0]).decode()).texts) == 3
    short = Raw(mock, body("richierich-s08", "short", tokens=5))
    while short.read():
        pass
    assert not Sse(b"".join(short.chunks()[0]).decode()).finish  # before its end, however short it is


def test_s09_stall_after_40_tokens(mock):
    r = Raw(mock, body("richierich-s09", rate=0))
    while len(Sse(b"".join(r.chunks()[0]).decode()).texts if b"\r\n\r\n" in r.bytes else []) < 40:
        assert r.read()
    assert r.silent_for(0.5)
    r.close()
    mock.wait_for(lambda s: s["running"] == 0)
    assert mock.stats()["last"][-1]["ended"] == "fault" and mock.stats()["aborted"] == 0
    assert stream(mock, "richierich-s09").done


def test_s10_a_malformed_event(mock):
    s = stream(mock, "richierich-s10")
    assert len(s.bad) == 1 and s.text == mock.answer("richierich", "hello") and s.done and s.finish == "stop"


@pytest.mark.parametrize("mode", ["close", "fin", "open"])
def test_s11_no_done(mock, mode):
    r = Raw(mock, body(f"richierich-s11-{mode}", rate=0))
    r.until(b'"usage"')
    if mode == "open":
        assert r.silent_for(0.4)
    elif mode == "close":
        r.until(b"0\r\n\r\n")
    else:
        while r.read():
            pass
    chunks, ended = r.chunks()
    s = Sse(b"".join(chunks).decode())
    assert ended == (mode == "close") and s.finish == "stop" and not s.done
    assert s.text == mock.answer("richierich", "hello")


def test_s12_context_length(mock):
    fails_for_ever(mock, "richierich-s12", 400, "context_length_exceeded")


def test_s13_content_filter(mock):
    fails_for_ever(mock, "richierich-s13", 400, "content_filter")
    s = stream(mock, "richierich-s13-stream")
    assert s.finish == "content_filter" and len(s.texts) == 40 and s.done


def test_s14_refuses_a_prefix(mock):
    whole = mock.answer("richierich", "hello")
    for _ in range(2):
        assert stream(mock, "richierich-s14", rate=0).text == whole
        assert post(mock, body("richierich-s14", prefix=whole[:20])).json()["error"]["code"] == "prefix_not_supported"


def test_s15_down_and_back(mock):
    for text in ("a", "b", "c"):
        assert post(mock, body("richierich-s15", text)).status_code == 503
    assert stream(mock, "richierich-s15", "d").done
    mock.control("richierich-s15", False)
    for _ in range(5):
        assert post(mock, body("richierich-s15")).status_code == 503
    mock.control("richierich-s15", True)
    assert stream(mock, "richierich-s15").done


def test_control_takes_any_model_down(mock):
    mock.control("richierich-fast", False)
    assert post(mock, body("richierich-fast")).status_code == 503
    assert stream(mock, "richierich", rate=0).done
    mock.control("richierich-fast", None)
    assert stream(mock, "richierich-fast").done
    mock.control("richierich-s04", True)
    assert stream(mock, "richierich-s04").done
    for bad in ({}, {"model": "x", "up": True}, {"model": "richierich", "up": 1}, {"model": "richierich"}):
        assert post(mock, bad, "/control").status_code == 400


def test_s16_names_the_model_that_served(mock):
    s = stream(mock, "richierich-s16", rate=0)
    assert {e["model"] for e in s.events} == {"richierich-s16-2026"}
    assert s.usage == {"prompt_tokens": 3, "completion_tokens": 200, "total_tokens": 203}
    assert post(mock, body("richierich-s16", stream=False)).json()["model"] == "richierich-s16-2026"


# --- the others ---


@pytest.mark.parametrize("mode", ["data", "event", "done"])
def test_inband_error(mock, mode):
    reply = post(mock, body(f"richierich-inband-error-{mode}"))
    s = Sse(reply.text)
    assert reply.status_code == 200 and len(s.errors) == 1 and len(s.texts) == 40
    assert s.errors[0]["type"] == "server_error" and not s.finish and s.done == (mode == "done")
    assert ("event: error\ndata: " in reply.text) == (mode == "event")
    assert stream(mock, f"richierich-inband-error-{mode}").done


def test_length(mock):
    s = stream(mock, "richierich-length", rate=0)
    assert s.finish == "length" and len(s.texts) == 40 and s.done


@pytest.mark.parametrize("fault", PLAIN_FAULTS)
def test_odd_shapes_carry_the_same_text(mock, fault):
    s = stream(mock, f"richierich-{fault}")
    assert s.text == mock.answer("richierich", "hello") and s.done and s.finish == "stop"
    assert bool(s.usage) == (fault != "nousage")


def test_slice1_is_one_byte_a_write(mock):
    # what arrived between two looks may be several bytes: on a busy machine, many; so there is more than one try
    for _ in range(8):
        r = Raw(mock, body("richierich-slice1", tokens=20, rate=50))
        r.until(b"0\r\n\r\n")
        s = Sse(b"".join(r.chunks()[0]).decode())
        assert s.text == mock.answer("richierich", "hello", tokens=20)
        if any(len(p) == 1 for _, p in r.reads):
            return
    assert False, "never one byte by itself"


def test_crlf(mock):
    raw = stream(mock, "richierich-crlf").raw
    assert raw.count("\r\n\r\n") == 204 and "\n" not in raw.replace("\r\n", "")


def test_burst_is_several_events_in_one_read(mock):
    r = Raw(mock, body("richierich-burst"))
    r.until(b"0\r\n\r\n")
    assert any(c.count(b"\n\n") >= 8 for c in r.chunks()[0]) and len(r.chunks()[0]) == 25


def test_split_is_one_event_over_several_reads(mock):
    r = Raw(mock, body("richierich-split", tokens=10))
    r.until(b"0\r\n\r\n")
    bodies = [p for _, p in r.reads[1:]]
    assert len(bodies) > 20 and max(map(len, bodies)) < 200
    assert sum(b"\n\n" not in p for p in bodies) > 10


def test_cutchar_cuts_characters(mock):
    r = Raw(mock, body("richierich-cutchar"))
    r.until(b"0\r\n\r\n")
    cut = 0
    for c in r.chunks()[0]:
        try:
            c.decode()
        except UnicodeDecodeError:
            cut += 1
    reads = sum(0x80 <= p[-3] < 0x100 for _, p in r.reads if p.endswith(b"\r\n") and len(p) > 3)
    assert cut >= 8 and reads >= 2
    assert Sse(b"".join(r.chunks()[0]).decode()).text == mock.answer("richierich", "hello")


def test_comments(mock):
    raw = stream(mock, "richierich-comments").raw
    assert ": keepalive\n\n" in raw and "\n\n\n\n" in raw and "retry: 3000\n" in raw


@pytest.mark.parametrize("name", ["s03", "s08", "s12", "inband-error"])
def test_once_and_for_ever(mock, name):
    def failed(model, **fields):
        try:
            reply = post(mock, body(model, rate=0, **fields))
            return reply.status_code != 200 or not Sse(reply.text).done
        except requests.RequestException:
            return True

    assert [failed(f"richierich-{name}-once") for _ in range(3)] == [True, False, False]
    assert [failed(f"richierich-{name}-forever") for _ in range(3)] == [True, True, True]
    assert [failed("richierich", fault=name, fail_attempts=2, seed=5) for _ in range(4)] == [True, True, False, False]
    assert failed("richierich", fault=name, fail_attempts=2, seed=6)


def test_faults_without_a_stream(mock):
    whole = mock.answer("richierich", "hello")
    r = Raw(mock, body("richierich-s08", stream=False))
    while r.read():
        pass
    head, got = r.bytes.split(b"\r\n\r\n", 1)
    assert 0 < len(got) < int(re.search(rb"Content-Length: (\d+)", head).group(1))
    with pytest.raises(ValueError):
        post(mock, body("richierich-s10", stream=False)).json()
    assert "usage" not in post(mock, body("richierich-nousage", stream=False)).json()
    choice = post(mock, body("richierich-length", stream=False)).json()["choices"][0]
    assert choice["finish_reason"] == "length" and whole.startswith(choice["message"]["content"])
    r = Raw(mock, body("richierich-s09", stream=False))
    r.until(b"\r\n\r\n")
    assert r.silent_for(0.3)
