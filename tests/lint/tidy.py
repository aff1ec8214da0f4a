#!/usr/bin/env python3
"""clang-tidy over the sources of a compile_commands.json, two at a time.

    tidy.py COMPILE_COMMANDS [--changed REF]

A file that passed is remembered beside the database by what it is made of (itself, the headers of ours it
reaches, the checks), and looked at again only when that changes. --changed looks at files that differ from REF.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

from sources import ROOT

INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


@functools.lru_cache(maxsize=None)
def direct(path):
    """The files of ours that one file includes."""
    found = []
    for name in INCLUDE.findall(path.read_bytes()):
        for folder in (path.parent, ROOT / "gateway", ROOT, ROOT / "tests"):
            candidate = (folder / name.decode()).resolve()
            if candidate.is_file():
                found.append(candidate)
                break
    return tuple(found)


def reached(path):
    seen, todo = set(), [path]
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo.extend(direct(at))
    return sorted(seen)


def key_of(path, rules, command):
    digest = hashlib.sha256(rules + command.encode())
    for part in reached(path):
        digest.update(str(part).encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()


def look(path, database):
    done = subprocess.run(["clang-tidy", "-p", str(database), "--quiet", str(path)], cwd=ROOT,
                          capture_output=True, text=True)
    words = [line for line in done.stdout.splitlines() if line.strip()]
    return done.returncode == 0, "\n".join(words) or done.stderr[-2000:]


def wanted(database, ref):
    commands = {}
    for entry in json.loads(database.read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_file() and path.is_relative_to(ROOT):
            commands[path] = entry.get("command") or " ".join(entry["arguments"])
    if ref:
        names = subprocess.run(["git", "diff", "--name-only", ref], cwd=ROOT, check=True,
                               capture_output=True, text=True).stdout.split()
        changed = {ROOT / n for n in names}
        commands = {p: c for p, c in commands.items() if changed & set(reached(p))}
    return commands


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database", type=pathlib.Path)
    parser.add_argument("--changed", metavar="REF")
    args = parser.parse_args()
    rules = b"".join(p.read_bytes() for p in (ROOT / ".clang-tidy", ROOT / "tests/.clang-tidy"))
    memory = args.database.parent / "tidy-passed"
    passed = set(memory.read_text().split()) if memory.exists() else set()
    keys = {p: key_of(p, rules, c) for p, c in wanted(args.database, args.changed).items()}
    fresh = sorted(p for p, k in keys.items() if k not in passed)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for path, (ok, words) in zip(fresh, pool.map(lambda p: look(p, args.database.parent), fresh)):
            if ok:
                passed.add(keys[path])
            else:
                failed += 1
                print(words, flush=True)
    memory.write_text("\n".join(sorted(passed)) + "\n")
    print(f"{len(keys)} files, {len(fresh)} looked at, {failed} with findings")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
