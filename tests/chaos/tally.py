"""What a piece of a row came to, kept as one line of JSON; what the pieces of a row come to together; and both in words.

It refuses to forget a failure: a piece that failed is run again, its last run counts, and the table says how many failed.
"""

import json
from collections import Counter

import oracle
from load import quantile


def judged(name, piece, of, args, run, said, claims, wrongs, seconds):
    """A piece as it is kept."""
    return {"row": name, "piece": piece, "of": of, "seed": args.seed, "full": args.full,
            "broken": said.broken, "streams": len(wrongs), "at_once": run.at_once,
            "counts": Counter(kind for _, wrong in wrongs for kind, _ in wrong),
            "resumed": [round(t, 2) for s in run.streams for t in s.resumed],
            "taken": [round(t, 2) for s in run.streams for t in s.taken if not s.straight],
            "rewinds": sum(s.rewinds for s in run.streams), "worst": said.worst, "sums": said.sums,
            "late": round(run.behind(0.99), 2), "fails": [words for words, holds in claims if not holds], "seconds": round(seconds)}


def good(p):
    return not p["fails"] and not any(p["counts"].values()) and p["streams"] > 0


def keep(file, p):
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a") as out:  # one write: pieces may end side by side
        out.write(json.dumps(p) + "\n")


def kept(file):
    """{row: {piece: [its runs]}}"""
    found = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        p = json.loads(line)
        found.setdefault(p["row"], {}).setdefault(p["piece"], []).append(p)
    return found


def together(runs):
    """The last run of each piece, as one."""
    pieces = [r[-1] for r in runs.values()]
    total = {**pieces[0], "streams": 0, "seconds": 0, "rewinds": 0, "late": 0, "counts": Counter(), "broken": Counter(), "sums": Counter(),
             "worst": {}, "resumed": [], "taken": [], "fails": []}
    for p in pieces:
        for name in ("streams", "seconds", "rewinds", "resumed", "taken", "fails"):
            total[name] = total[name] + p[name]
        for name in ("counts", "broken", "sums"):
            total[name].update(p[name])
        for name, value in p["worst"].items():
            total["worst"][name] = max(value, total["worst"].get(name, value))
        total["late"] = max(total["late"], p["late"])
    total["failed"] = sum(not good(p) for r in runs.values() for p in r)
    return total


def times(values):
    return f"{quantile(values, .5):.2f} / {quantile(values, .99):.2f} s ({len(values)})" if values else ""


def besides(p):
    words = [f"{k} {v:.2f} s" for k, v in p["worst"].items()] + [f"{v:,} {k}" for k, v in p["sums"].items()]
    return ", ".join(words + ([f"{p['rewinds']} rewinds"] if p["rewinds"] else []))


def broken(p):
    return ", ".join(f"{v} {k}" for k, v in p["broken"].items())


def line(p):
    """For whoever watches."""
    return (f"{'ok  ' if good(p) else 'FAIL'} {p['row']}: {broken(p)}; {p['streams']} streams; "
            + ", ".join(f"{p['counts'].get(k, 0)} {k}" for k in oracle.COUNTS)
            + f"; resume p50 / p99 {times(p['resumed']) or '-'}; producer died {times(p['taken']) or '-'}; {besides(p)}; own lateness"
            + f" {p['late']:.2f} s; {p['seconds']} s")


def table(file, rows):
    """Markdown, a line a row."""
    out = ["| row | broken | streams, at once | " + ", ".join(oracle.COUNTS) + " | resume p50 / p99 | producer died p50 / p99 | besides |",
           "|---|---|---|---|---|---|---|"]
    found = kept(file)
    for name in [n for n in rows if n in found]:
        t = together(found[name])
        part = "" if len(found[name]) == t["of"] else f" (pieces {len(found[name])} of {t['of']})"
        more = [besides(t)] + [f"does not hold: {x}" for x in t["fails"]] + ([f"{t['failed']} runs failed"] if t["failed"] else [])
        out.append(f"| `{name}` | {broken(t)}{part} | {t['streams']:,}, {t['at_once']:,} | "
                   + " ".join(str(t["counts"].get(k, 0)) for k in oracle.COUNTS)
                   + f" | {times(t['resumed'])} | {times(t['taken'])} | {'; '.join(m for m in more if m)} |")
    return "\n".join(out)
