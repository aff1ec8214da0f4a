"""deploy/engines.sh: Redis, a replica, Sentinel, Postgres and a standby, each in a private folder, each its caller's to kill."""

import os
import pathlib
import signal
import stat
import subprocess
import time

import pytest

from conftest import ROOT

ENGINES = str(ROOT / "deploy/engines.sh")


def engines(*arguments, **more):
    done = subprocess.run([ENGINES, *map(str, arguments)], capture_output=True, text=True, timeout=60, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


class Engine:
    def __init__(self, folder, kind, port, *more):
        self.folder, self.argv = folder, [ENGINES, kind, str(folder), str(port), *map(str, more)]
        self.log = folder.with_suffix(".log")
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        done = subprocess.run([ENGINES, "ready", str(self.folder), "30"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + self.log.read_text(errors="replace")[-2000:]
        return self

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(30)

    @property
    def url(self):
        return engines("url", self.folder)

    def redis(self, *command, password=True):
        env = {**os.environ, "REDISCLI_AUTH": (self.folder / "password").read_text()} if password else None
        argv = ["redis-cli", "-p", self.argv[3], *map(str, command)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, env=env).stdout.strip()

    def sql(self, text, url=None):
        argv = ["psql", "-qAtX", "-d", url or self.url, "-c", text]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout.strip()


@pytest.fixture
def make(tmp_path):
    made = []
    ports = iter(engines("ports", 6).split())

    def start(kind, *more, name=None):
        made.append(Engine(tmp_path / (name or kind), kind, next(ports), *more).start())
        return made[-1]

    yield start
    for engine in reversed(made):
        if engine.process.poll() is None:
            engine.end()


def test_redis_keeps_what_it_was_told_over_a_kill(make):
    redis = make("redis", "--appendfsync", "always")
    assert redis.redis("set", "k", "v") == "OK"
    redis.end(signal.SIGKILL)
    redis.start()
    assert redis.redis("get", "k") == "v"
    assert redis.end(signal.SIGTERM) == 0


def test_strangers_are_kept_out(make, tmp_path):
    redis, primary = make("redis"), make("postgres")
    assert "NOAUTH" in redis.redis("get", "k", password=False)
    without = primary.url.replace(":" + (primary.folder / "password").read_text(), "")
    with pytest.raises(subprocess.CalledProcessError):
        primary.sql("select 1", without + "?connect_timeout=2&passfile=/nonexistent")
    for engine in (redis, primary):
        for name in ("password", "url"):
            assert stat.S_IMODE((engine.folder / name).stat().st_mode) == 0o600
        arguments = pathlib.Path(f"/proc/{engine.process.pid}/cmdline").read_text()
        assert (engine.folder / "password").read_text() not in arguments
        if os.getuid() == 0:
            assert pathlib.Path(f"/proc/{engine.process.pid}").stat().st_uid != 0


def test_the_standby_follows_and_is_promoted(make, tmp_path):
    primary = make("postgres")
    primary.sql("create table t (a int)")
    standby = make("standby", primary.folder)
    primary.sql("insert into t values (7)")
    wait_for(lambda: standby.sql("select a from t") == "7")
    assert standby.sql("select pg_is_in_recovery()") == "t"
    both = primary.url.removesuffix("/lastword") + f",127.0.0.1:{standby.argv[3]}/lastword"
    assert standby.sql("select pg_is_in_recovery()", both + "?target_session_attrs=standby") == "t"
    primary.end(signal.SIGKILL)
    engines("promote", standby.folder)
    assert standby.sql("insert into t values (8) returning a") == "8"
    assert standby.sql("select pg_is_in_recovery()", both + "?target_session_attrs=read-write") == "f"


def test_postgres_comes_back_after_a_kill_and_leaves_nothing_outside_its_folder(make):
    primary = make("postgres")
    primary.sql("create table t as select 7 as a")
    primary.end(signal.SIGKILL)
    primary.start()
    assert primary.sql("select a from t") == "7"
    assert primary.sql("select rolsuper from pg_roles where rolname = current_user") == "f"
    assert "/dev/shm" not in pathlib.Path(f"/proc/{primary.process.pid}/maps").read_text()
    assert primary.end(signal.SIGINT) == 0


def test_sentinel_makes_the_replica_the_primary(make):
    redis = make("redis")
    replica = make("replica", redis.folder)
    password = (redis.folder / "password").read_text()
    sentinel = make("sentinel", redis.folder, 1)
    assert sentinel.url == f"sentinel://:{password}@127.0.0.1:{sentinel.argv[3]}/lastword"
    wait_for(lambda: "master_link_status:up" in replica.redis("info", "replication"))
    wait_for(lambda: f"\n{replica.argv[3]}\n" in sentinel.redis("sentinel", "replicas", "lastword"), 30)
    redis.end(signal.SIGKILL)
    wait_for(lambda: sentinel.redis("sentinel", "get-master-addr-by-name", "lastword").endswith(replica.argv[3]), 30)
    wait_for(lambda: "role:master" in replica.redis("info", "replication"))


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_it_ends_with_the_one_who_started_it(kind, tmp_path):
    port = engines("ports", 1)
    script = f'"$0" {kind} "$1" {port} >"$1.log" 2>&1 & echo $!; exec >&-; wait'
    parent = subprocess.Popen(["bash", "-c", script, ENGINES, str(tmp_path / kind)], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.read())
    engines("ready", tmp_path / kind, 30)
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_alive(pid))


def test_what_it_does_not_know_it_says(tmp_path):
    for arguments in ([], ["redis"], ["redis", "/x"], ["valkey", "/x", "1"], ["promote"]):
        done = subprocess.run([ENGINES, *arguments], capture_output=True, text=True)
        assert done.returncode == 1 and "--help" in done.stderr
    done = subprocess.run([ENGINES, "ready", str(tmp_path / "none"), "0"], capture_output=True, text=True)
    assert done.returncode == 1 and "does not answer" in done.stderr
    assert "standby DIR PORT PRIMARY" in engines("--help")


def test_ports_are_free_and_differ():
    ports = engines("ports", 30).split()
    assert len(set(ports)) == 30 and all(20000 <= int(p) < 32768 for p in ports)
