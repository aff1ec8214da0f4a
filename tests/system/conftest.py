"""The real programs, started for a test and held to account after it.

`gateway(**settings)` starts a lastword with a configuration of its own on a free port; sections are dicts
(`gateway(limits={"hello_ms": 100})`). `mock` is one richierich for the whole run. After each test every gateway is
stopped, must have ended well (unless the test killed it), and must not have written a line of a sanitizer.

LASTWORD_BUILD names the build folder (build/debug), LASTWORD_BIN and RICHIERICH_BIN the programs.
"""

import asyncio
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LASTWORD_BUILD", ROOT / "build/debug"))
SANITIZER = re.compile(r"runtime error:|AddressSanitizer|LeakSanitizer|UndefinedBehavior|MemorySanitizer")
START_S = 20


def find_program(variable, *names):
    if os.environ.get(variable):
        return os.environ[variable]
    for name in names:
        if (BUILD / name).exists():
            return str(BUILD / name)
    pytest.exit(f"no {names[0]} in {BUILD}; build first, or set {variable}", 2)


def tail(path, lines=40):
    text = pathlib.Path(path).read_text(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


class Program:
    """A program that prints where it listens, its output kept in files."""

    def __init__(self, argv, folder, name, env=None):
        self.argv, self.env = argv, {**os.environ, **(env or {})}
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        self.process = self.url = None

    def start(self):
        out, err = open(self.out, "ab"), open(self.err, "ab")
        begin = out.tell()
        self.process = subprocess.Popen(self.argv, stdout=out, stderr=err, env=self.env)
        out.close(), err.close()
        deadline = time.monotonic() + START_S
        while True:
            text = self.out.read_bytes()[begin:].decode(errors="replace")
            found = re.search(r"listening on (http://\S+)\n", text)
            if found:
                self.url = found.group(1)
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.argv[0]} did not start:\n{tail(self.err)}")
            time.sleep(0.005)

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=30):
        return self.process.wait(timeout)

    def stop(self, timeout=30):
        """Ends it; the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait(0.5)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)  # no more draining
        return self.wait(timeout)


class Gateway(Program):
    def __init__(self, binary, folder, name, config, env):
        self.config = folder / f"{name}.yaml"
        self.config.write_text(json.dumps(config, indent=1))  # JSON is YAML
        super().__init__([binary, "serve", "--config", str(self.config)], folder, name, env)
        self.killed = False

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()

    def start(self):
        self.killed = False
        return super().start()

    def until_ready(self, timeout=10):
        """It knows its upstream's models."""
        deadline = time.monotonic() + timeout
        while (answer := self.get("/readyz")).status_code != 200:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.005)

    def request(self, method, path, **more):
        return requests.request(method, self.url + path, timeout=more.pop("timeout", 20), **more)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def metric(self, name, **labels):
        """The value of a metric, 0 if it was never touched."""
        want = name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else "")
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(want + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def log(self):
        """The log so far, as dicts."""
        entries = []
        for line in self.err.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                entries.append(json.loads(line))
        return entries

    def resident(self):
        """Bytes of memory in use."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s+(\d+) kB", text, re.M).group(1)) * 1024

    def check(self):
        """Ended well, and with clean hands?"""
        code = None if self.killed else self.stop()
        errors = self.err.read_text(errors="replace")
        assert not SANITIZER.search(errors), f"{self.err}:\n{tail(self.err, 80)}"
        assert code in (None, 0), f"exit code {code}:\n{tail(self.err)}"


class Mock(Program):
    """richierich: https calls to /stats and /v1/answer, so that tests can see what it was asked."""

    def stats(self):
        return json.load(urllib.request.urlopen(self.url + "/stats", timeout=10))

    def requests(self):
        return self.stats()["requests"]

    def reset(self):
        requests.post(self.url + "/stats/reset", timeout=10).raise_for_status()

    def control(self, model, up):
        requests.post(self.url + "/control", json={"model": model, "up": up}, timeout=10).raise_for_status()

    def answer(self, model, input, **options):
        """The whole answer, without faults and pace."""
        query = urllib.parse.urlencode({"model": model, "input": input, **options})
        reply = requests.get(f"{self.url}/v1/answer?{query}", timeout=30)
        reply.raise_for_status()
        return reply.content.decode()

    async def wait_async(self, what, timeout=10):
        deadline = time.monotonic() + timeout
        while not what(await asyncio.to_thread(self.stats)):
            assert time.monotonic() < deadline, f"the mock never came to it: {self.stats()}"
            await asyncio.sleep(0.02)

    def wait_for(self, what, timeout=10):
        asyncio.run(self.wait_async(what, timeout))


@pytest.fixture(scope="session")
def mock_server(tmp_path_factory):
    binary = find_program("RICHIERICH_BIN", "richierich", "upstream/mock/richierich")
    program = Mock([binary, "--port", "0"], tmp_path_factory.mktemp("mock"), "richierich").start()
    yield program
    program.stop()
    errors = program.err.read_text(errors="replace")
    assert not SANITIZER.search(errors), errors


@pytest.fixture
def mock(mock_server):
    mock_server.reset()
    return mock_server


def merge(into, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
    return into


@pytest.fixture
def gateway(tmp_path, mock):
    """gateway(continuation=..., env=..., start=True, ready=True, **settings) -> Gateway, started and ready."""
    binary = find_program("LASTWORD_BIN", "lastword")
    made = []

    def make(continuation="trailing_assistant", env=None, start=True, ready=True, **settings):
        name = f"gateway{len(made)}"
        config = {
            "listen": {"port": 0},
            "log": {"level": "debug"},
            "history": {"path": str(tmp_path / f"{name}.db")},
            "upstreams": [{"name": "mock", "url": mock.url + "/v1", "dialect": "openai", "continue": continuation}],
            "upstream": {"default_model": "richierich"},
        }
        g = Gateway(binary, tmp_path, name, merge(config, settings), env)
        made.append(g)
        if start:
            g.start()
        if start and ready:
            g.until_ready()
        return g

    yield make
    for g in made:
        if g.process:
            g.check()


@pytest.fixture(scope="session", autouse=True)
def many_files():
    """Thousands of sockets in one test process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(autouse=True)
def watchdog():
    """A test that hangs fails: stacks of all threads, then the end."""
    limit = int(os.environ.get("LASTWORD_TEST_S", "180"))
    timer = threading.Timer(limit, lambda: os.kill(os.getpid(), signal.SIGABRT))
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()
