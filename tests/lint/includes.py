#!/usr/bin/env python3
"""The include map: who may include whom, and where a foreign library may appear.

    base <- core <- (edge, guard, insight) <- worker <- main
    upstream/ and store/ see base and themselves; of the two, others see only the contract headers
    each library in one adapter (a second file gives its reason there), never in a header of ours
"""
import collections
import re
import sys

from sources import files, read

CONTRACTS = {"upstream/upstream.h", "store/store.h", "store/keys.h"}

# Room -> rooms whose headers it may include, beside its own.
MAY_SEE = {
    "base": set(),
    "core": {"base", "contract"},
    "edge": {"base", "core", "contract"},
    "guard": {"base", "core", "contract"},
    "insight": {"base", "core", "contract"},
    "upstream": {"base"},
    "store": {"base"},
    "mock": {"base"},
    "worker": {"base", "core", "edge", "guard", "insight", "upstream", "store", "contract"},
    "main": {"base", "core", "edge", "guard", "insight", "upstream", "store", "contract", "worker"},
}

LIBRARIES = {
    "libwebsockets": r"libwebsockets\.h",
    "libcurl": r"curl/.*",
    "hiredis": r"hiredis/.*",
    "libpq": r"(postgresql/)?libpq-fe\.h",
    "sqlite3": r"sqlite3\.h",
    "http_parser": r"http_parser\.h",
}
FILES_EACH = 2

# The loop belongs to adapters. These are the ones that do not name a library themselves.
LOOP_FILES = {
    "gateway/worker_inner.h": "the worker, which owns the loop; for its two files alone",
    "gateway/edge/listener.c": "accepts connections",
    "gateway/edge/http_socket.c": "sockets that speak HTTP",
    "gateway/edge/listener_proxy.c": "reads what a balancer says before its client",
    "gateway/edge/websocket.c": "the libwebsockets adapter",
    "store/redis.h": "the inside of the Redis adapter, for redis*.c alone",
    "store/redis_link.h": "one connection, inside redis.h",
    "store/redis_resolve.c": "brings names from a thread to the loop",
    "store/redis.c": "the turns of the Redis adapter",
    "store/postgres_loop.c": "the descriptors of the libpq adapter",
    "store/sqlite.c": "the loop's side of the SQLite adapter, whose other side is a thread",
    "upstream/upstream.c": "gives the libcurl adapter its loop",
    "upstream/wake.h": "one deadline, for both transports and for upstream.c",
    "upstream/sockets.c": "the libcurl adapter's descriptors",
    "upstream/plain.c": "the transport without TLS: reads and writes its sockets itself",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def room_of(path):
    """The room a source file belongs to, or None where the map says nothing (tests)."""
    parts = path.split("/")
    if parts[0] == "gateway":
        if len(parts) == 2:
            return "main" if parts[1].startswith("main.") else "worker"
        return parts[1]
    if path.startswith("upstream/mock/"):
        return "mock"
    return parts[0] if parts[0] in ("upstream", "store") else None


def target_of(path, name, known):
    """The file a quoted include names: beside the includer, under gateway/, or from the root."""
    here = path.rsplit("/", 1)[0]
    for candidate in (f"{here}/{name}", f"gateway/{name}", name):
        if candidate in known:
            return candidate
    return None


def rooms_fault(path, name, known):
    target = target_of(path, name, known)
    if target is None:
        return None  # made by the build
    mine, theirs = room_of(path), room_of(target)
    if theirs is None:
        return f"{path}: includes {name} of the tests"
    if mine == theirs or (target in CONTRACTS and "contract" in MAY_SEE[mine]):
        return None
    if theirs not in MAY_SEE.get(mine, set()):
        return f"{path}: {mine} may not include {name} of {theirs}"
    return None


def check():
    known = set(files(".c", ".h", ".def"))
    faults, users = [], collections.defaultdict(set)
    for path in sorted(known):
        if room_of(path) is None:
            continue
        if room_of(path) not in MAY_SEE:
            faults.append(f"{path}: the room {room_of(path)} is not in the map")
            continue
        includes = INCLUDE.findall(read(path))
        adapter = False
        for kind, name in includes:
            library = next((lib for lib, shape in LIBRARIES.items() if re.fullmatch(shape, name)), None)
            if library:
                adapter = True
                users[library].add(path)
                if path.endswith((".h", ".def")):
                    faults.append(f"{path}: a header of ours includes {name}")
            elif kind == '"':
                fault = rooms_fault(path, name, known)
                if fault:
                    faults.append(fault)
        if not adapter and path not in LOOP_FILES and any(name == "ev.h" for _, name in includes):
            faults.append(f"{path}: the event loop belongs to adapters and worker.c")
    for library, paths in users.items():
        if len(paths) > FILES_EACH:
            faults.append(f"{library} is included by {len(paths)} files (at most {FILES_EACH}): "
                          + ", ".join(sorted(paths)))
    return faults


if __name__ == "__main__":
    found = check()
    print("\n".join(found))
    sys.exit(bool(found))
