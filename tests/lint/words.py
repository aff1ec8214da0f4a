#!/usr/bin/env python3
"""Words that may not stand in the tree: marks of unfinished work, paths of somebody's machine, calls that
were found to be harmful; and files longer than a reader's patience."""
import re
import sys

from sources import files, read

# Split, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|W" r"IP)\b")
STUBS = re.compile(r"\b(st" r"ub(bed)?|not yet implem" r"ented|lorem ip" r"sum)\b", re.I)
MACHINE = re.compile(r"(?<![\w.])/(work/|tmp/lw|home/[a-z])")
# It looks names up in the DNS inside the event loop; lws_get_peer_simple does not.
CALLS = re.compile(r"\blws_get_peer_addre" r"sses\b")

SKIPPED = ("package-lock.json", "LICENSE", ".png", ".ico", ".woff2", ".gz", ".br")
DATA = ("tests/fuzz/seeds/", "tests/golden/")
CODE = (".c", ".h", ".def", ".py", ".ts", ".svelte", ".js", ".mjs", ".sh")
LINES_MAX = 500
TEST_LINES_MAX = 1000


def check():
    faults = []
    for path in files():
        if path.endswith(SKIPPED) or path.startswith(DATA):
            continue
        text = read(path)
        for number, line in enumerate(text.splitlines(), 1):
            for shape, why in ((UNFINISHED, "unfinished work"), (STUBS, "unfinished work"),
                               (MACHINE, "a path of one machine")):
                hit = shape.search(line)
                if hit:
                    faults.append(f"{path}:{number}: {why}: {hit.group(0)}")
            if path.endswith((".c", ".h")) and CALLS.search(line):
                faults.append(f"{path}:{number}: {CALLS.search(line).group(0)} asks the DNS inside the loop")
        lines, most = text.count("\n"), TEST_LINES_MAX if "test" in path else LINES_MAX
        if path.endswith(CODE) and lines > most:
            faults.append(f"{path}: {lines} lines (at most {most})")
    return faults


if __name__ == "__main__":
    found = check()
    print("\n".join(found))
    sys.exit(bool(found))
