"""Starts the programs of the benchmark, each on its processor, and reads what they cost.

CPU is the run time of all threads of a process (/proc/PID/task/*/schedstat, nanoseconds), memory is
the Rss of smaps_rollup. It refuses to guess: a program that does not come up ends the run.
"""

import json
import os
import resource
import shutil
import socket
import subprocess
import time

SERVER_CPU, CLIENT_CPU = 0, 1


def raise_fds():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pinned(cpu, argv):
    usable = os.sched_getaffinity(0)
    if len(usable) < 2 or not shutil.which("taskset"):
        return argv
    return ["taskset", "-c", str(sorted(usable)[min(cpu, len(usable) - 1)])] + argv


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
        return True
    except OSError:
        return False


class Server:
    """A program that listens on a port."""

    def __init__(self, name, argv, port, cpu, log, env=None):
        self.name, self.port = name, port
        self.log = open(log, "ab")
        self.process = subprocess.Popen(
            pinned(cpu, argv), stdout=self.log, stderr=self.log, env=env)
        begin = time.monotonic()
        while not answers(port):
            if self.process.poll() is not None or time.monotonic() - begin > 10:
                raise SystemExit(f"{name} did not start; see {log}")
            time.sleep(0.005)

    def cpu_us(self):
        total, tasks = 0, f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1000

    def rss(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup") as f:
            for line in f:
                if line.startswith("Rss:"):
                    return int(line.split()[1]) * 1024
        raise SystemExit("no Rss")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Load:
    """bench_load under command: ready, then go, reset, report."""

    def __init__(self, program, target, port, conns, *options, ready_s=60):
        argv = [program, "--target", target, "--port", str(port), "--conns", str(conns), *options]
        self.process = subprocess.Popen(
            pinned(CLIENT_CPU, argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit(f"bench_load --target {target} could not open {conns} connections")

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def report(self):
        self.say("report")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("bench_load ended early")
        return json.loads(line)

    def stop(self):
        try:
            self.say("quit")
        except OSError:
            pass
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


def window(load, server, warm_s, window_s, also=None):
    """Starts the streams, lets them settle, and measures one window; `also`: servers whose CPU is told beside."""
    also = also or {}
    load.say("go")
    time.sleep(warm_s)
    load.say("reset")
    cpu = server.cpu_us() if server else 0
    beside = {name: other.cpu_us() for name, other in also.items()}
    time.sleep(window_s)
    result = load.report()
    result["cpu_us"] = (server.cpu_us() if server else 0) - cpu
    result["also"] = {name: other.cpu_us() - beside[name] for name, other in also.items()}
    result["us_per_token"] = result["cpu_us"] / max(result["tokens"], 1)
    result["tokens_per_s"] = result["tokens"] / result["seconds"]
    return result


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "|".join(" ---: " if i else " --- " for i in range(len(head))) + "|")
    for row in rows:
        print("| " + " | ".join(str(c) for c in row) + " |")
    print(flush=True)
