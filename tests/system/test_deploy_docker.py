"""deploy/docker: the Dockerfile's parts fit each other and the tree, compose reads its file, and what they start works here.

No container engine is needed; each part is held to account by what can be had without one.
"""

import fnmatch
import json
import os
import re
import shlex
import stat
import subprocess

import pytest
import yaml

from conftest import ROOT, find_program
from deployed import defaults, settings

HERE = ROOT / "deploy/docker"
WORDS = {"FROM", "RUN", "COPY", "WORKDIR", "SHELL", "ENV", "EXPOSE", "USER", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"}


def steps():
    """[(instruction, rest)] of the Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", (HERE / "Dockerfile").read_text(), flags=re.M)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def stages():
    """{name: [(instruction, rest)]}, in order."""
    found = {}
    for word, rest in steps():
        if word == "FROM":
            name = re.fullmatch(r"(\S+) AS ([a-z]+)", rest)[2]
            assert name not in found
            found[name] = []
        found[name].append((word, rest))
    return found


def last(word):
    return [rest for w, rest in list(stages().values())[-1] if w == word]


# ------------------------------------------------------------------ the Dockerfile


def test_every_stage_is_named_and_on_the_one_base():
    assert {word for word, _ in steps()} <= WORDS
    assert list(stages()) == ["page", "build", "lastword"]
    assert {s[0] for s in (v[0][1].split() for v in stages().values())} == {"debian:12-slim"}


def ignored(path):
    """By .dockerignore: the last pattern that fits decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        keep, pattern = line.startswith("!"), line.lstrip("!")
        parts = [str(p) for p in (path, *path.parents) if str(p) != "."]
        if any(fnmatch.fnmatchcase(p, pattern.removeprefix("**/")) or fnmatch.fnmatchcase(p, pattern) or
               (pattern.startswith("**/") and p.rsplit("/", 1)[-1] == pattern[3:]) for p in parts):
            verdict = not keep
    return verdict


def test_what_is_copied_is_there_and_not_ignored():
    for name, stage in stages().items():
        for word, rest in stage:
            if word != "COPY":
                continue
            *sources, _ = [part for part in rest.split() if not part.startswith("--")]
            origin = re.search(r"--from=(\w+)", rest)
            if origin:
                assert list(stages()).index(origin[1]) < list(stages()).index(name)
                continue
            for source in sources:
                path = (ROOT / source).relative_to(ROOT)
                assert (ROOT / path).exists() and not ignored(path), source


def test_what_is_not_needed_stays_out_of_the_context():
    for path in (".git", "build", "tests", "deploy/docker/secrets.d", "frontend/node_modules", "frontend/app/dist", "README.md"):
        assert ignored((ROOT / path).relative_to(ROOT)), path


def test_what_later_stages_take_is_made():
    made = {"build": "/src/build/release/lastword", "page": "/src/frontend/app/dist"}
    taken = dict(re.search(r"--from=(\w+) (\S+)", c).groups() for c in last("COPY") if "packages" not in c and "--from" in c)
    assert taken == made
    build = " ".join(rest for _, rest in stages()["build"])
    assert "--target lastword" in build and ">packages" in build
    assert '"build": "vite build"' in (ROOT / "frontend/app/package.json").read_text()


def test_packages_are_named_in_the_one_list_only():
    groups = set(re.findall(r'\$1 == "(\w+)"', " ".join(rest for _, rest in steps())))
    listed = {line.split()[0] for line in (ROOT / "deploy/packages.txt").read_text().splitlines() if line[:1] != "#"}
    assert groups == {"build", "run"} and groups <= listed
    for name, stage in stages().items():
        for word, rest in stage:
            if word == "RUN" and "apt-get install" in rest:
                assert "--no-install-recommends" in rest and rest.rstrip().count("rm -rf /var/lib/apt/lists/*") == 1
                assert rest.startswith("apt-get update")
                plain = rest.split("--no-install-recommends", 1)[1].split("&&")[0].split()
                assert name == "page" or plain == []


def test_the_image_has_no_rights_and_can_be_read_only():
    user, = last("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert list(word for word, _ in stages()["lastword"]).index("USER") > max(
        i for i, (word, _) in enumerate(stages()["lastword"]) if word == "RUN")
    environment = dict(re.findall(r"(LASTWORD_\w+)=(\S+)", " ".join(last("ENV"))))
    assert environment.keys() <= settings()
    folder, = last("WORKDIR")
    assert environment["LASTWORD_HISTORY_PATH"].startswith(folder) and f"-m 700 {folder}" in " ".join(last("RUN"))
    assert last("EXPOSE") == [environment["LASTWORD_LISTEN_PORT"]]
    assert environment["LASTWORD_PAGE_DIR"] in " ".join(last("COPY"))
    assert "node" not in " ".join(rest for _, rest in stages()["lastword"])


def test_the_command_is_the_programs(tmp_path):
    entry, = last("ENTRYPOINT")
    command, = last("CMD")
    usage = subprocess.run([find_program("LASTWORD_BIN", "lastword"), "help"], capture_output=True, text=True).stdout
    assert json.loads(entry) == ["lastword"] and f"  {json.loads(command)[0]} " in usage


def test_the_libraries_are_packages_that_are_installed():
    """On this machine, whose Debian is the image's: each library of the program is in one package."""
    binary = find_program("LASTWORD_BIN", "lastword")
    names = subprocess.run([HERE / "libraries", binary], capture_output=True, text=True, check=True).stdout.split()
    assert {"libc6", "libcurl4", "libwebsockets17", "libssl3"} <= set(names)
    assert len(names) == len(set(names)) and not [n for n in names if n.endswith("-dev") or "i386" in n]
    libraries = re.findall(r"=> (/\S+)", subprocess.run(["ldd", binary], capture_output=True, text=True).stdout)
    owned = subprocess.run(["dpkg-query", "-L", *names], capture_output=True, text=True, check=True).stdout.split()
    assert {os.path.realpath(path) for path in libraries} <= {os.path.realpath(path) for path in owned}


def test_the_health_check(gateway):
    check, = last("HEALTHCHECK")
    command = json.loads(check.split("CMD ", 1)[1])
    assert command[0] == "lastword-health" and f"COPY deploy/docker/health /usr/bin/{command[0]}" in (HERE / "Dockerfile").read_text()

    def health(port, path):
        env = {**os.environ, "LASTWORD_LISTEN_PORT": str(port)}
        return subprocess.run([HERE / "health", path], env=env, capture_output=True, timeout=20).returncode

    g = gateway()
    assert health(g.port, command[1]) == 0 and health(g.port, "/readyz") == 0
    assert health(g.port, "/nowhere") == 1
    g.stop()
    assert health(g.port, command[1]) == 1


# ------------------------------------------------------------------ compose


@pytest.fixture(scope="session")
def composed():
    """The file as compose understands it."""
    done = subprocess.run(["docker-compose", "-f", HERE / "compose.yaml", "config"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def gateways(composed):
    return {name: s for name, s in composed["services"].items() if name.startswith("gateway-")}


def test_three_gateways_locked_down(composed):
    found = gateways(composed)
    assert len(found) == 3 and len({s["environment"]["LASTWORD_LISTEN_NODE"] for s in found.values()}) == 3
    for name, service in {**found, "balancer": composed["services"]["balancer"]}.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    for service in found.values():
        assert service["environment"].keys() <= settings()
        assert os.path.samefile(ROOT / "deploy" / "docker" / service["build"]["context"], ROOT)
        assert (ROOT / service["build"]["dockerfile"]).exists()
        grace = re.fullmatch(r"(\d+)s", str(service["stop_grace_period"]))
        assert int(grace[1]) * 1000 > defaults("drain.deadline_ms") + defaults("drain.spread_ms")
    assert [n for n, s in composed["services"].items() if "ports" in s] == ["balancer"]


def configuration():
    return yaml.safe_load((HERE / "lastword.yaml").read_text())


def test_the_balancer_finds_the_gateways_and_they_know_it(composed):
    balancer = composed["services"]["balancer"]
    port = configuration()["listen"]["port"]
    addresses = {s["networks"]["front"]["ipv4_address"] + f":{port}" for s in gateways(composed).values()}
    assert {v for k, v in balancer["environment"].items() if k.startswith("LASTWORD_GATEWAY_")} == addresses
    assert configuration()["listen"]["proxy"] == [balancer["networks"]["front"]["ipv4_address"] + "/32"]
    names = set(re.findall(r'"\$\{(LASTWORD_\w+)', (ROOT / "deploy/haproxy/haproxy.cfg").read_text()))
    assert balancer["environment"].keys() <= names
    done = subprocess.run(["haproxy", "-c", "-f", ROOT / "deploy/haproxy/haproxy.cfg"], capture_output=True, text=True,
                          env={**os.environ, **balancer["environment"]})
    assert done.returncode == 0, done.stderr
    assert set(balancer["depends_on"]) == gateways(composed).keys()
    for service in composed["services"].values():
        for volume in service.get("volumes", []):
            source = (volume if isinstance(volume, str) else volume["source"]).split(":")[0]
            assert source in composed["volumes"] or os.path.exists(source), source


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The secrets, as deploy/docker/secrets makes them."""
    folder = tmp_path_factory.mktemp("secrets") / "d"
    (folder.parent / "key").write_text("the-key\n")
    for _ in range(2):  # a second run changes nothing
        subprocess.run([HERE / "secrets", folder.parent / "key"], check=True, env={**os.environ, "LASTWORD_SECRETS": str(folder)})
    return folder


def test_every_secret_is_made_and_used(composed, made):
    assert {path.name for path in made.iterdir()} == set(composed["secrets"])
    for name, secret in composed["secrets"].items():
        assert secret["file"].endswith(f"deploy/docker/secrets.d/{name}")
    used = {s if isinstance(s, str) else s["source"] for v in composed["services"].values() for s in v.get("secrets", [])}
    assert used == set(composed["secrets"])
    text = json.dumps(composed) + (HERE / "lastword.yaml").read_text()
    assert set(re.findall(r"/run/secrets/([\w-]+)", text)) == used
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()} == {0o444}
    assert "/deploy/docker/secrets.d/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_secrets_fit_each_other(composed, made):
    redis = (made / "redis-conf").read_text().removeprefix("requirepass ").strip()
    assert (made / "session-url").read_text() == f"redis://:{redis}@redis:6379\n" and len(redis) == 48
    assert "redis" in composed["services"] and "postgres" in composed["services"]
    password = (made / "postgres-password").read_text().strip()
    environment = composed["services"]["postgres"]["environment"]
    assert (made / "history-url").read_text() == (
        f"postgresql://{environment['POSTGRES_USER']}:{password}@postgres:5432/{environment['POSTGRES_DB']}\n")
    assert (made / "upstream-key").read_text() == "the-key\n"
    assert redis != password


def test_redis_takes_its_command_line(composed, made, tmp_path):
    command = composed["services"]["redis"]["command"]
    command = [str(made / "redis-conf") if part.startswith("/run/secrets/") else str(tmp_path) if part == "/data" else part
               for part in command]
    port = subprocess.run([ROOT / "deploy/engines.sh", "ports", "1"], capture_output=True, text=True).stdout.strip()
    process = subprocess.Popen([*command, "--port", port, "--bind", "127.0.0.1"], stdout=subprocess.PIPE, text=True)
    try:
        assert any("Ready to accept connections" in line for line in process.stdout)
        test = composed["services"]["redis"]["healthcheck"]["test"][1]
        test = test.replace("$$", "$").replace("/run/secrets/redis-conf", shlex.quote(str(made / "redis-conf")))
        assert subprocess.run(["sh", "-c", test.replace("redis-cli", f"redis-cli -p {port}")]).returncode == 0
        assert subprocess.run(["sh", "-c", test.replace("redis-cli", "redis-cli -p 1")], stderr=subprocess.DEVNULL).returncode
    finally:
        process.terminate()
        process.wait(20)


def test_the_gateway_takes_the_configuration(composed, made, tmp_path):
    (tmp_path / "page").mkdir()
    text = (HERE / "lastword.yaml").read_text().replace("/run/secrets", str(made))
    (tmp_path / "lastword.yaml").write_text(text.replace("/usr/share/lastword/page", str(tmp_path / "page")))
    environment = gateways(composed)["gateway-a"]["environment"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("LASTWORD_")}
    env.update({k: v.replace("/run/secrets", str(made)) for k, v in environment.items()})
    argv = [find_program("LASTWORD_BIN", "lastword"), "check-config", "--config", str(tmp_path / "lastword.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
