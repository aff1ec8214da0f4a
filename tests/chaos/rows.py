"""What is broken between clients and gateways while streams run: gateways, the balancer, the network, slow readers. (Redis
and Postgres: rows_stores.py.) One function a row of the table in README.md; each breaks things by its seed until it has done
so as often as it was told.

A row gets a Run (load.py) and answers with a Said: what it did, what it measured, and its claims.
"""

import asyncio
import time
from dataclasses import dataclass, field

from load import quantile


@dataclass
class Said:
    broken: dict  # noun: how often
    claims: list  # (words, holds)
    worst: dict = field(default_factory=dict)  # name: seconds; of several pieces the largest counts
    sums: dict = field(default_factory=dict)  # name: count


def bound(run, name, value, most, slack):
    """A claim about a time: `most` in full; twice that in the short form, which runs beside much else; and in both what we were
    late ourselves."""
    allowed = (most if run.strict else 2 * most) + slack
    return f"{name} {value:.2f} s of {most} s (allowed here {allowed:.2f} s)", value <= allowed


def taken_over(run):
    return "answers were taken over", any(s.epochs > 1 for s in run.streams)


async def kill_gateways(run, times):
    run.watch()
    for _ in range(times):
        await asyncio.sleep(run.chance.uniform(2, 3))
        g = run.chance.choice(run.stand.gateways)
        g.kill()
        await asyncio.sleep(run.chance.uniform(0, 0.5))
        g.start()
    await asyncio.sleep(run.stand.lease_s + 1)
    resumed = quantile([t for s in run.streams for t in s.resumed], 0.99)
    taken = quantile([t for s in run.streams for t in s.taken], 0.99)
    late = run.behind(0.99)
    return Said({"kills": times}, [taken_over(run), bound(run, "resume p99", resumed, 2, late),
                                   bound(run, "producer died, p99", taken, run.stand.lease_s + 1, late)])


async def stop_owner(run, times, seconds):
    g = None
    for _ in range(times):
        g = run.chance.choice([x for x in run.stand.gateways if x is not g])  # that one has few answers left to be taken
        before = sum(len(s.taken) for s in run.streams)
        g.freeze()
        await asyncio.sleep(seconds)
        g.thaw()
        await run.ready(g)
        await asyncio.sleep(1)
    fenced = sum([await run.off_loop(g.metric, "lastword_fenced_total") for g in run.stand.gateways])
    alone = run.stand.events("generation.store_down")
    return Said({f"stops of {seconds} s": times},
                [("a stopped one does not blame Redis", alone == 0),
                 ("no fenced write was shown", not any(s.rewinds for s in run.streams)), taken_over(run),
                 ("the last one's, too", sum(len(s.taken) for s in run.streams) > before),
                 ("the stopped one was fenced", fenced > 0)], sums={"fenced": int(fenced)})


ANNOUNCED = {1000, 1001, 4001}  # closes that a goaway, or our own leaving, explains


async def roll(run, times):
    worst, codes = 0.0, set()
    for i in range(times):
        g = run.stand.gateways[i % len(run.stand.gateways)]
        worst = max(worst, await run.off_loop(g.stop))
        codes.add(g.process.returncode)
        g.start()
        await run.ready(g)
        await asyncio.sleep(run.chance.uniform(0.5, 1.5))
    errors = sorted({e for s in run.streams for e in s.errors})
    closes = sorted({c for client in run.clients for c in client.closes} - ANNOUNCED)
    return Said({"restarts": times}, [("drained within 10 s", worst <= 10), ("ended well", codes == {0}),
                                      (f"no error seen {errors}", not errors), (f"no connection cut {closes}", not closes),
                                      ("clients moved", any(s.resumed for s in run.streams))],
                worst={"drain": worst})


async def kill_balancer(run, times):
    for _ in range(times):
        await asyncio.sleep(run.chance.uniform(1, 2))
        run.stand.haproxy.kill()
        await asyncio.sleep(run.chance.uniform(0, 0.3))
        run.stand.haproxy.start()
    return Said({"kills": times}, [("connections were lost", any(s.resumed for s in run.streams))])


async def read_slowly(run, seconds):
    """Clients with a small window that stop reading now and then, of answers that come as fast as they can."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        chosen = run.chance.sample(run.clients, max(1, len(run.clients) // 2))
        for c in chosen:
            c.reads.clear()
        await asyncio.sleep(run.chance.uniform(0.2, 0.8))
        for c in chosen:
            c.reads.set()
        await asyncio.sleep(run.chance.uniform(0, 0.3))
    size = sum(len(s.data) for s in run.streams)
    return Said({"seconds": seconds}, [("text came", size > 0)], sums={"MB": round(size / 1e6)})


async def bad_network(run, seconds):
    """5 % of the packets are lost, some answered with a reset, and the link goes away for up to two seconds."""
    end, flaps = time.monotonic() + seconds, 0
    run.stand.network.make_bad(0.05, 0.002)

    def goes_on():  # longer where chance has spared every connection
        spared = not any(s.resumed for s in run.streams)
        return time.monotonic() < end + (25 if spared else 0)

    while goes_on():
        await asyncio.sleep(run.chance.uniform(2, 5))
        run.stand.network.up(False)
        await asyncio.sleep(run.chance.uniform(0.2, 2))
        run.stand.network.up(True)
        flaps += 1
    run.stand.network.make_good()
    return Said({"seconds": seconds}, [("connections were lost", any(s.resumed for s in run.streams))], sums={"flaps": flaps})


async def storm(run, times):
    """Two of all these at once."""
    stand, chance = run.stand, run.chance

    async def again(server, most, freeze):
        if freeze:
            server.freeze()
        else:
            server.kill()
        await asyncio.sleep(chance.uniform(0, most))
        if freeze:
            server.thaw()
        else:
            server.start()

    for _ in range(times):
        await asyncio.sleep(chance.uniform(0.5, 2))
        hit = chance.sample([(g, 5, f) for g in stand.gateways for f in (True, False)]
                            + [(stand.redis, 3, True), (stand.redis, 1, False), (stand.haproxy, 0.5, False)], 2)
        if hit[0][0] is hit[1][0]:
            hit.pop()
        await asyncio.gather(*(again(*h) for h in hit))
    for g in stand.gateways:
        await run.ready(g)
    return Said({"double faults": times}, [taken_over(run)])
