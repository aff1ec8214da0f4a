"""Where the gateway may be led by an upstream's name, its address or its answer. (curl takes every name under
.localhost for loopback: a name that somebody points at this machine.)"""

import http.server
import threading

import pytest

BODY = {"model": "richierich-echo", "messages": [{"role": "user", "content": "hello"}]}
QUICK = {"attempts": 2, "backoff_ms": 10, "backoff_max_ms": 20}


def ask(gateway, mock, host, **more):
    url = f"http://{host}:{mock.port}/v1"
    gw = gateway(upstreams=[{"name": "u", "url": url, "models": ["richierich-echo"], **more}], upstream=QUICK)
    return gw, gw.request("POST", "/v1/chat/completions", json=BODY).status_code


@pytest.mark.parametrize("host,more,status", [
    ("127.0.0.1", {}, 200), ("localhost", {}, 200), ("[::ffff:127.0.0.1]", {}, 200),
    ("model.localhost", {}, 503), ("model.localhost", {"private": True}, 200), ("model.localhost", {"private": False}, 503),
    ("0.0.0.0", {}, 503), ("0.0.0.0", {"private": True}, 503),
])  # fmt: skip
def test_the_address_dialled_is_judged(gateway, mock, host, more, status):
    gw, got = ask(gateway, mock, host, **more)
    assert got == status and mock.requests() == (status == 200)
    assert bool([e for e in gw.log() if e["event"] == "upstream.address.refused"]) == (status != 200)


@pytest.mark.parametrize("url,dialect", [("https://model.localhost", "openai"), ("http://0.0.0.0", "richierich")])
def test_over_the_other_transports_too(gateway, mock, url, dialect):
    gw = gateway(upstreams=[{"name": "u", "url": f"{url}:{mock.port}/v1", "dialect": dialect, "models": ["richierich-echo"]}], upstream=QUICK)
    assert gw.request("POST", "/v1/chat/completions", json=BODY).status_code == 503
    assert [e for e in gw.log() if e["event"] == "upstream.address.refused"] and mock.requests() == 0


def test_a_redirect_is_not_followed(gateway, mock):
    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", mock.url + "/v1/chat/completions")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        gw = gateway(upstreams=[{"name": "u", "url": f"http://127.0.0.1:{server.server_port}/v1", "models": ["richierich-echo"]}],
                     upstream=QUICK)  # fmt: skip
        assert gw.request("POST", "/v1/chat/completions", json=BODY).status_code == 502
        assert mock.requests() == 0
    finally:
        server.shutdown()
        server.server_close()
