"""What the files in deploy/ may name: the gateway's settings and metrics, as its own tables have them."""

import re

from conftest import ROOT

SETTING = re.compile(r'^X\((\w+), (\w+), (\w+), ("[^"]*"|\w+), \d+, \d+', re.M)
SETTINGS = SETTING.findall((ROOT / "gateway/base/config.def").read_text())


def keys():
    """section.name of each setting."""
    return {f"{section}.{name}" for _, section, name, _ in SETTINGS}


def settings():
    """LASTWORD_SECTION_NAME of each setting, and ..._FILE where a file may hold the value."""
    texts = {f"{section}.{name}" for kind, section, name, _ in SETTINGS if kind in ("STR", "SECRET")}
    variable = lambda key: "LASTWORD_" + key.replace(".", "_").upper()  # noqa: E731
    return {variable(key) for key in keys()} | {variable(key) + "_FILE" for key in texts}


def defaults(key):
    """The default of a number."""
    return next(int(value) for _, section, name, value in SETTINGS if f"{section}.{name}" == key)


def metrics():
    """{name: label} of each metric."""
    text = (ROOT / "gateway/base/metrics.def").read_text()
    return dict(re.findall(r'^X\(\w+, \w+, "(\w+)", "(\w*)"', text, re.M))
