"""deploy/up: one command brings everything up, and takes everything down again."""

import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
UP = ROOT / "deploy/up"
BUILD_S = 900  # the first run builds everything


def children(pid):
    """Processes that descend from pid, itself left out."""
    found, todo = [], [pid]
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(text.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    while todo:
        for child in parents.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


class Up:
    argv = [str(UP)]
    words = r"lastword: ready at (http://127\.0\.0\.1:\d+)\n"

    def __init__(self, folder, **env):
        self.temp = folder / "tmp"
        self.temp.mkdir(exist_ok=True)
        self.data = folder / "data"
        self.out, self.err = folder / "up.out", folder / "up.err"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LASTWORD_")}
        self.env = {**clean, "TMPDIR": str(self.temp), "LASTWORD_PORT": "0", "LASTWORD_DATA": str(self.data), **env}
        self.process = None

    def start(self, wait=True, ignore_interrupt=False):
        # What a shell does to the programs it starts in the background of a script.
        before = (lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if ignore_interrupt else None
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(self.argv, stdout=out, stderr=err, env=self.env, preexec_fn=before)
        if wait:
            self.url = wait_for(self.ready, BUILD_S)
        return self

    def ready(self):
        found = re.fullmatch(self.words, self.out.read_text())
        assert found or self.process.poll() is None, self.err.read_text()[-3000:]
        return found and found.group(1)

    def child(self, name):
        return next(p for p in children(self.process.pid) if name_of(p) == name)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(40)

    def errors(self):
        return self.err.read_text(errors="replace")


@pytest.fixture
def up(tmp_path):
    made = []

    def make(**env):
        made.append(Up(tmp_path, **env))
        return made[-1]

    yield make
    for u in made:
        if u.process and u.process.poll() is None:
            u.end()


def complete(url, text="hello"):
    json = {"model": "richierich-echo", "messages": [{"role": "user", "content": text}]}
    return requests.post(url + "/v1/chat/completions", json=json, timeout=20)


def nothing_left(u, pids):
    assert list(u.temp.iterdir()) == []
    wait_for(lambda: not [p for p in pids if pathlib.Path(f"/proc/{p}").exists()], 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_and_down(up, number):
    u = up().start(ignore_interrupt=True)
    assert complete(u.url).json()["choices"][0]["message"]["content"] == "hello"
    page = requests.get(u.url, timeout=10)
    assert page.headers["content-type"].startswith("text/html") and "Lastword" in page.text
    assert requests.get(u.url + "/readyz", timeout=10).status_code == 200
    assert stat.S_IMODE(u.data.stat().st_mode) == 0o700 and (u.data / "lastword.db").exists()
    pids = children(u.process.pid)
    assert {"lastword", "richierich"} <= {name_of(p) for p in pids}
    assert u.end(number) == 0
    assert u.out.read_text().count("\n") == 1
    nothing_left(u, pids)


def test_a_second_run_takes_seconds_and_remembers(up):
    first = up().start()
    chat = complete(first.url, "remember this").headers["lastword-chat"]
    assert first.end() == 0
    began = time.monotonic()
    second = up().start()
    assert time.monotonic() - began < 15
    messages = requests.get(f"{second.url}/v1/conversations/{chat}", timeout=10).json()["messages"]
    assert [m["text"] for m in messages] == ["remember this", "remember this"]
    assert second.end() == 0


def test_a_port_in_use_is_said_at_once(up):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        u = up(LASTWORD_PORT=str(port)).start(wait=False)
        assert u.process.wait(10) == 1
        assert f"port {port}" in u.errors() and "in use" in u.errors()
    nothing_left(u, [])


@pytest.mark.parametrize(
    "setting,value",
    [
        ("LASTWORD_PORT", "http"),
        ("LASTWORD_PORT", "70000"),
        ("LASTWORD_PORT", "-1"),
        ("LASTWORD_UPSTREAM_KEY_FILE", "/nonexistent/key"),
    ],
)
def test_settings_that_are_wrong_are_named(up, setting, value):
    u = up(**{setting: value}).start(wait=False)
    assert u.process.wait(10) == 1 and setting in u.errors() and u.out.read_text() == ""


def test_a_setting_of_the_gateway_that_is_wrong_is_named(up):
    u = up(LASTWORD_LIMITS_FOLLOWS="many").start(wait=False)
    assert u.process.wait(BUILD_S) == 1 and "LASTWORD_LIMITS_FOLLOWS" in u.errors()
    nothing_left(u, [])


@pytest.mark.parametrize("victim,other", [("lastword", "richierich"), ("richierich", "lastword")])
def test_if_one_dies_the_other_goes_too(up, victim, other):
    u = up().start()
    pids = children(u.process.pid)
    os.kill(u.child(victim), signal.SIGKILL)
    assert u.process.wait(40) == 1
    assert f"{victim} ended" in u.errors()
    nothing_left(u, pids)


def test_killed_itself_it_leaves_no_program(up):
    u = up().start()
    pids = children(u.process.pid)
    u.process.kill()
    u.process.wait()
    wait_for(lambda: not [p for p in pids if name_of(p) in ("lastword", "richierich")], 20)


def test_another_upstream_in_place_of_the_mock(up, mock, tmp_path):
    key = tmp_path / "the key's file"
    key.write_text("secret-of-the-upstream\n")
    u = up(LASTWORD_UPSTREAM_URL=mock.url + "/v1", LASTWORD_UPSTREAM_KEY_FILE=str(key)).start()
    assert "richierich" not in {name_of(p) for p in children(u.process.pid)}
    assert complete(u.url, "elsewhere").json()["choices"][0]["message"]["content"] == "elsewhere"
    assert mock.requests() == 1
    assert "secret-of-the-upstream" not in " ".join(f.read_text() for f in u.temp.glob("*/*"))
    assert u.end() == 0


def test_help(up):
    text = subprocess.run([str(UP), "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("LASTWORD_PORT", "LASTWORD_DATA", "LASTWORD_UPSTREAM_URL", "LASTWORD_UPSTREAM_KEY_FILE"):
        assert name in text
