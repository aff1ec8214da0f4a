"""An upstream that says what a test wrote down, event for event, and keeps what it was asked."""

import http.server
import json
import threading

MODEL = "scripted"


class Scripted:
    """`script`: for each request, deltas (dicts), a finish reason (str), or a threading.Event to wait for."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                body = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    outer.play(self.wfile)
                except OSError:
                    pass  # cancelled

        self.asked, self.script = [], []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def play(self, out):
        for step in self.script:
            if isinstance(step, threading.Event):
                step.wait(60)
                continue
            choice = {"index": 0, "delta": step} if isinstance(step, dict) else {"index": 0, "delta": {}, "finish_reason": step}
            out.write(b"data: " + json.dumps({"model": MODEL, "choices": [choice]}).encode() + b"\n\n")
            out.flush()
        out.write(b"data: [DONE]\n\n")

    def settings(self, continuation="none"):
        """For gateway(**settings)."""
        url = f"http://127.0.0.1:{self.server.server_port}/v1"
        return {
            "upstreams": [{"name": MODEL, "url": url, "dialect": "openai", "continue": continuation}],
            "upstream": {"default_model": MODEL},
        }

    def close(self):
        self.server.shutdown()
        self.server.server_close()
