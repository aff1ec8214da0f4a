"""deploy/up --cluster: several gateways with all they stand on come up with one command, stay up, and go again."""

import collections
import os
import pathlib
import re
import signal
import socket
import subprocess
import uuid

import pytest
import requests

from test_deploy_up import UP, Up, children, complete, name_of, nothing_left, wait_for

LINE = r"gateway: (http://127\.0\.0\.1:\d+)\n"


class Cluster(Up):
    argv = [str(UP), "--cluster"]
    words = LINE * 3 + r"lastword: ready at (http://127\.0\.0\.1:\d+)\n"

    def ready(self):
        found = re.fullmatch(self.words, self.out.read_text())
        assert found or self.process.poll() is None, self.err.read_text()[-3000:]
        if found:
            self.gateways = found.groups()[:3]
        return found and found.group(4)

    def programs(self):
        """How many of each name run, and its direct children by what they were told on the command line."""
        return collections.Counter(name_of(p) for p in children(self.process.pid))

    def told(self, words):
        """The one of this script's children whose command line has these words."""
        direct = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = [int(p) for p in direct if words in pathlib.Path(f"/proc/{p}/cmdline").read_text().replace("\0", " ")]
        return found[0] if found else None


@pytest.fixture
def cluster(tmp_path):
    made = []

    def make(**env):
        made.append(Cluster(tmp_path, **env))
        return made[-1]

    yield make
    for u in made:
        if u.process and u.process.poll() is None:
            u.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_of_it_comes_up_and_goes(cluster, number):
    u = cluster().start(ignore_interrupt=True)
    assert len({u.url, *u.gateways}) == 4
    for url in (u.url, *u.gateways):
        assert requests.get(url + "/readyz", timeout=10).status_code == 200
        assert complete(url).json()["choices"][0]["message"]["content"] == "hello"
    found = u.programs()
    assert found["richierich"] == 2 and found["redis-server"] == 1 and found["haproxy"] == 1
    workers = children(u.told("gateway-b.yaml"))
    assert len(workers) >= 2 and not children(u.told("gateway-a.yaml"))
    assert u.told("primary/data") and u.told("standby/data")
    pids = children(u.process.pid)
    assert u.end(number) == 0
    nothing_left(u, pids)


def test_an_answer_of_one_gateway_is_an_answer_of_all(cluster):
    u = cluster().start()
    gen = str(uuid.uuid4())
    json = {"model": "richierich-echo", "messages": [{"role": "user", "content": "told to one"}]}
    asked = requests.post(u.gateways[0] + "/v1/chat/completions", json=json, headers={"Idempotency-Key": gen}, timeout=20)
    assert asked.status_code == 200
    for url in (u.url, *u.gateways):
        assert requests.get(f"{url}/v1/generations/{gen}", timeout=20).json()["text"] == "told to one"
    chat = asked.headers["lastword-chat"]
    for url in u.gateways:
        wait_for(lambda url=url: requests.get(f"{url}/v1/conversations/{chat}", timeout=20).status_code == 200)


def test_what_is_killed_comes_back_with_what_it_had(cluster):
    u = cluster().start()
    chat = complete(u.url, "remember this").headers["lastword-chat"]
    wait_for(lambda: requests.get(f"{u.url}/v1/conversations/{chat}", timeout=20).status_code == 200)
    for words in ("gateway-a.yaml", "redis-server", "primary/data", "haproxy.cfg"):
        os.kill(u.told(words), signal.SIGKILL)
    wait_for(lambda: u.errors().count("starting it again") >= 4)

    def again():
        try:
            assert requests.get(u.gateways[0] + "/readyz", timeout=10).status_code == 200
            return requests.get(f"{u.url}/v1/conversations/{chat}", timeout=10).json()["messages"]
        except (requests.RequestException, AssertionError, KeyError):
            return None

    assert [m["text"] for m in wait_for(again, 60)] == ["remember this", "remember this"]
    assert complete(u.url).json()["choices"][0]["message"]["content"] == "hello"
    pids = children(u.process.pid)
    assert u.end() == 0
    nothing_left(u, pids)


def test_killed_itself_it_leaves_no_program(cluster):
    u = cluster().start()
    pids = {p: name_of(p) for p in children(u.process.pid)}
    u.process.kill()
    u.process.wait()
    wait_for(lambda: not [p for p, name in pids.items() if name_of(p) == name], 40)


def test_a_port_in_use_is_said_at_once(cluster):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        u = cluster(LASTWORD_PORT=str(port)).start(wait=False)
        assert u.process.wait(10) == 1
        assert f"port {port}" in u.errors() and "in use" in u.errors()
    nothing_left(u, [])


def test_what_is_wrong_is_named():
    for argv, words in (([UP, "--clusters"], "unknown argument: --clusters"), ([UP, "--cluster", "now"], "unknown argument: now")):
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 1 and words in done.stderr and done.stdout == ""


def test_help():
    text = subprocess.run([UP, "--cluster", "--help"], capture_output=True, text=True, check=True).stdout
    assert "gateway: http://127.0.0.1:PORT" in text and "LASTWORD_PORT" in text
    assert "--cluster" in subprocess.run([UP, "--help"], capture_output=True, text=True, check=True).stdout
