"""/livez, /readyz, /health, /metrics, and the page: what a supervisor, a scraper and a browser are told."""

import gzip
import re
import time

import pytest
import requests
from sse import Transcript


def completion(g, model="richierich-echo", **more):
    json = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
    return g.request("POST", "/v1/chat/completions", json=json, stream=more.get("stream", False))


def wait_for_status(g, path, status, seconds=15):
    deadline = time.monotonic() + seconds
    while (r := g.get(path)).status_code != status:
        assert time.monotonic() < deadline, r.text
        time.sleep(0.02)
    return r


def test_alive_and_ready(gateway):
    g = gateway()
    assert g.get("/livez").json() == {"status": "ok"}
    r = wait_for_status(g, "/readyz", 200)
    assert r.json() == {"status": "ready", "checks": {"accepting": True, "history": True, "upstream": True}}


def test_not_ready_without_an_upstream(gateway):
    g = gateway(upstreams=[{"name": "gone", "url": "http://127.0.0.1:9/v1", "dialect": "openai"}], ready=False)
    r = g.get("/readyz")
    assert r.status_code == 503 and r.json()["checks"] == {"accepting": True, "history": True, "upstream": False}
    assert g.get("/livez").status_code == 200
    assert g.get("/health").json()["status"] == "degraded"


def ready(g):
    try:
        return g.get("/readyz").status_code == 200
    except requests.ConnectionError:
        return False


def test_not_ready_while_it_leaves(gateway, mock):
    """A stream that runs is finished; whoever comes anew is turned away."""
    g = gateway(drain={"deadline_ms": 20000})
    stream = completion(g, "richierich", stream=True, tokens=60, rate=40)
    asked = []

    def leave(t):
        if t.text and not asked:
            g.signal(15)
        if t.text:
            asked.append(ready(g))

    t = Transcript().read(stream, until=leave)
    assert t.done and t.text.decode() == mock.answer("richierich", "hello", tokens=60)
    assert asked[-1] is False
    assert g.wait() == 0


def test_health(gateway):
    g = gateway(listen={"node": "alpha"})
    completion(g)
    h = wait_for_status(g, "/health", 200).json()
    assert h["status"] == "ok" and h["node"] == "alpha" and re.fullmatch(r"\d+\.\d+\.\d+", h["version"])
    assert 0 <= h["uptime_s"] < 60 and h["sessions"] == 0 and h["connections"] >= 1
    assert h["generations"]["done"] == 1 and h["generations"]["running"] == 0


SAMPLE = re.compile(r'^((?:lastword|gen_ai)_[a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (-?[0-9.e+-]+|\+Inf|NaN)$')


def test_every_number_is_there_before_it_counts(gateway):
    """A dashboard, and a test, can read each from the first scrape on."""
    text = gateway().get("/metrics").text
    for name in ("connections", "sessions", "tokens_total", "crc_mismatches_total", "first_token_seconds_count",
                 "between_tokens_seconds_count", 'upstream_first_byte_seconds_count{upstream="mock"}',
                 *(f'upstream_{n}_total{{upstream="mock"}}' for n in ("retries", "fallbacks", "failures", "malformed")),
                 *(f'generations{{state="{s}"}}' for s in ("recording", "queued", "running", "ending", "done")),
                 *(f'generations_done_total{{state="{s}"}}' for s in ("complete", "cancelled", "truncated", "error")),
                 *(f'resumes_total{{result="{r}"}}' for r in ("agreed", "diverged", "history", "gone", "not_found")),
                 *(f'rewinds_total{{reason="{r}"}}' for r in ("restarted", "diverged"))):
        assert re.search(rf"^lastword_{re.escape(name)} \d", text, re.M), name


def test_metrics(gateway):
    g = gateway()
    completion(g)
    completion(g, "no-such-model")
    r = g.get("/metrics")
    assert r.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = set()
    for line in r.text.splitlines():
        if not line.startswith("#"):
            assert SAMPLE.match(line), line
            names.add(SAMPLE.match(line).group(1))
    for name in ("connections", "sessions", "generations", "tokens_total", "http_requests_total", "upstream_requests_total",
                 "first_token_seconds_bucket", "between_tokens_seconds_count", "resumes_total", "rewinds_total"):
        assert f"# TYPE lastword_{name.rsplit('_bucket')[0].rsplit('_count')[0]}" in r.text, name
    assert g.metric("lastword_generations_done_total", state="complete") == 1
    assert g.metric("lastword_tokens_total") >= 1
    assert g.metric("lastword_http_requests_total", code="404") == 1
    assert g.metric("lastword_upstream_requests_total", upstream="mock") >= 1


def test_nothing_private_is_told(gateway):
    g = gateway(auth={"mode": "keys"}, keys=[{"name": "ann", "owner": "acme/ann", "key": "key-of-ann-0123456789"}])
    json = {"model": "richierich-echo", "messages": [{"role": "user", "content": "a most private question"}]}
    headers = {"Authorization": "Bearer key-of-ann-0123456789"}
    assert g.request("POST", "/v1/chat/completions", json=json, headers=headers).status_code == 200
    told = g.get("/metrics").text + g.get("/health").text + g.err.read_text()
    for secret in ("private question", "key-of-ann"):
        assert secret not in told


# ------------------------------------------------------------------ the page


@pytest.fixture
def page(tmp_path):
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    script = "console.log('hello')\n" * 100
    (folder / "assets/app.js").write_text(script)
    (folder / "assets/app.js.gz").write_bytes(gzip.compress(script.encode()))
    (folder / "assets/style.css").write_text("body{}")
    (folder / ".secret").write_text("no")
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    return folder


def test_page(gateway, page):
    g = gateway(page={"dir": str(page)})
    r = g.get("/")
    assert r.status_code == 200 and r.headers["content-type"] == "text/html; charset=utf-8"
    assert r.headers["cache-control"] == "no-cache" and r.text == g.get("/index.html").text
    policy = r.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    css = g.get("/assets/style.css")
    assert css.headers["content-type"] == "text/css; charset=utf-8"
    assert css.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert g.request("HEAD", "/").headers["content-length"] == str(len(r.content))
    assert g.request("POST", "/").status_code == 405


def test_page_compressed_and_not_modified(gateway, page):
    g = gateway(page={"dir": str(page)})
    plain = g.get("/assets/app.js", headers={"Accept-Encoding": "identity"})
    packed = g.get("/assets/app.js", headers={"Accept-Encoding": "deflate, gzip;q=0.5, br"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.text == plain.text and packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == "accept-encoding"
    refused = g.get("/assets/app.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers
    for tags in (plain.headers["etag"], f'"other", {plain.headers["etag"]}', "*"):
        r = g.get("/assets/app.js", headers={"If-None-Match": tags, "Accept-Encoding": "identity"})
        assert r.status_code == 304 and r.content == b"" and r.headers["etag"] == plain.headers["etag"]
    assert g.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_page_gives_nothing_else(gateway, page):
    g = gateway(page={"dir": str(page)})
    for path in ("/.secret", "/link.txt", "/assets", "/assets/", "/../outside.txt", "/%2e%2e/outside.txt",
                 "/assets/..%2f..%2foutside.txt", "//etc/passwd", "/index.html/"):
        s = requests.Session()
        url = requests.Request("GET", g.url).prepare()
        url.url = g.url + path
        assert s.send(url, timeout=10).status_code in (400, 404), path


def test_page_is_read_at_start(gateway, page):
    g = gateway(page={"dir": str(page)})
    before = g.get("/").text
    (page / "index.html").write_text("changed")
    assert g.get("/").text == before


def test_no_page(gateway):
    r = gateway().get("/")
    assert r.status_code == 200 and r.headers["content-type"] == "text/plain; charset=utf-8" and "Lastword" in r.text


def test_a_page_folder_that_is_wrong_is_refused_at_start(gateway, tmp_path):
    g = gateway(page={"dir": str(tmp_path / "none")}, start=False)
    with pytest.raises(AssertionError):
        g.start()
    assert g.wait() == 1 and "page.dir" in g.err.read_text()
    g.killed = True
