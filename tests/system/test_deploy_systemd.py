"""deploy/systemd: the units are what systemd takes for units, as tight as they claim, and name what is there."""

import re
import shutil
import subprocess

import pytest

from conftest import ROOT, find_program
from deployed import defaults, settings

HERE = ROOT / "deploy/systemd"
EXPOSURE = 1.1  # of 10; what is left is the network, which is a gateway's trade
UNITS = ["lastword.service", "lastword.socket"]


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A machine's files, as far as systemd-analyze looks at them."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree("/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    (root / "lib").symlink_to("usr/lib")
    units = root / "etc/systemd/system"
    shutil.copytree(HERE, units)
    for name in ("usr/bin/lastword", "bin/kill"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch(0o755)
    return root


def analyze(root, *arguments):
    argv = ["systemd-analyze", *arguments[:1], f"--root={root}", *arguments[1:]]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def test_systemd_takes_them_without_a_word(root):
    done = analyze(root, "verify", "--man=no", *UNITS)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_mistake_would_be_seen(root, tmp_path):
    """That the check above can fail."""
    copy = tmp_path / "root"
    shutil.copytree(root, copy, symlinks=True)
    unit = copy / "etc/systemd/system/lastword.service"
    unit.write_text(unit.read_text().replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"))
    assert "NoNewPrivilege" in analyze(copy, "verify", "--man=no", *UNITS).stderr


@pytest.mark.parametrize("with_cluster", [False, True])
def test_the_service_is_exposed_to_little(root, tmp_path, with_cluster):
    copy = root
    if not with_cluster:
        copy = tmp_path / "root"
        shutil.copytree(root, copy, symlinks=True)
        shutil.rmtree(copy / "etc/systemd/system/lastword.service.d")
    done = analyze(copy, "security", "--offline=yes", f"--threshold={EXPOSURE * 10:.0f}", "lastword.service")
    level = float(re.search(r"Overall exposure level for lastword.service: ([\d.]+)", done.stdout)[1])
    assert done.returncode == 0 and level <= EXPOSURE, done.stdout


def assignments(name):
    """(key, value) of a unit, in order."""
    return re.findall(r"^(\w+)=(.*)$", (HERE / name).read_text(), re.M)


def test_the_environment_is_the_gateways():
    for name in ("lastword.service", "lastword.service.d/cluster.conf"):
        for value in (v for k, v in assignments(name) if k == "Environment"):
            for variable in value.split():
                assert variable.split("=")[0] in settings(), variable


def test_credentials_are_read_from_where_they_are_put():
    values = assignments("lastword.service.d/cluster.conf")
    loaded = {v.split(":")[0] for k, v in values if k == "LoadCredential"}
    used = set(re.findall(r"%d/([\w-]+)", " ".join(v for k, v in values if k == "Environment")))
    assert loaded == used and loaded


def test_the_time_to_stop_holds_the_drain():
    values = dict(assignments("lastword.service"))
    assert int(values["TimeoutStopSec"]) * 1000 >= 2 * (defaults("drain.deadline_ms") + defaults("drain.spread_ms"))
    assert int(values["LimitNOFILE"]) > 2 * defaults("limits.connections")


def test_the_commands_are_the_programs():
    usage = subprocess.run([find_program("LASTWORD_BIN", "lastword"), "help"], capture_output=True, text=True).stdout
    for key, value in assignments("lastword.service"):
        if key.startswith("Exec") and "lastword" in value:
            assert re.search(rf"^  {value.split()[1]} ", usage, re.M), value
