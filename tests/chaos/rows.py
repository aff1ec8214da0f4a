"""What is broken while streams run: one function a row of the table in README.md. Each breaks things by its seed until it has
done so as often as it was told, and says in the end how often what it is about really happened.

A row gets a Run (below) and returns (what was broken how often, claims): a claim is (words, holds).
"""

import asyncio
import json
import random
import time

from client import Client, Stream
from stand import get


class Run:
    """A stand under load: `at_once` streams at any time, each begun when another has ended."""

    def __init__(self, stand, seed, at_once, tokens, rate, direct=0.0, slow=False):
        self.stand, self.chance = stand, random.Random(seed)
        self.tokens, self.rate, self.at_once = tokens, rate, at_once
        self.streams, self.clients, self.tasks = [], [], []
        self.full = False  # no further streams
        for i in range(max(1, at_once // 4)):
            straight = self.stand.gateways[i % len(self.stand.gateways)].ws if i < direct * at_once / 4 else None
            self.clients.append(Client(self.chance, lambda straight=straight: straight or self.stand.ws, slow))
            self.clients[-1].straight = straight is not None
            if stand.network:
                self.clients[-1].socket = stand.network.socket

    async def open(self):
        self.tasks = [asyncio.ensure_future(c.run()) for c in self.clients]
        for i in range(self.at_once):
            self.tasks.append(asyncio.ensure_future(self.keep(self.clients[i % len(self.clients)])))

    async def keep(self, client):
        await asyncio.sleep(self.chance.uniform(0, 1))
        while not self.full:
            s = Stream(self.chance, self.tokens, self.rate)
            s.straight = client.straight
            self.streams.append(s)
            await client.begin(s)
            while s.done is None:
                await asyncio.sleep(0.05)

    def running(self):
        return [s for s in self.streams if s.done is None]

    async def all_under_way(self, seconds=30):
        """Each of the first streams has text."""
        deadline = time.monotonic() + seconds
        while len(self.streams) < self.at_once or not all(s.text_at for s in self.streams[:self.at_once]):
            if time.monotonic() > deadline:
                raise TimeoutError("the load does not start")
            await asyncio.sleep(0.05)

    async def finish(self, seconds=45):
        self.full = True
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for c in self.clients:
            await c.close()
        done, late = await asyncio.wait(self.tasks, timeout=10)
        for t in late:
            t.cancel()
        for t in done:
            t.result()

    async def off_loop(self, what, *args):
        return await asyncio.get_running_loop().run_in_executor(None, what, *args)

    async def ready(self, gateway):
        await self.off_loop(gateway.until_ready, 30)


async def kill_gateways(run, times):
    for _ in range(times):
        await asyncio.sleep(run.chance.uniform(2, 3))
        g = run.chance.choice(run.stand.gateways)
        g.kill()
        await asyncio.sleep(run.chance.uniform(0, 0.5))
        g.start()
    return f"{times} kills", [("answers were taken over", any(s.epochs > 1 for s in run.streams))]


async def stop_owner(run, times, seconds):
    for _ in range(times):
        g = run.chance.choice(run.stand.gateways)
        g.freeze()
        await asyncio.sleep(seconds)
        g.thaw()
        await run.ready(g)
        await asyncio.sleep(1)
    fenced = sum([await run.off_loop(g.metric, "lastword_fenced_total") for g in run.stand.gateways])
    alone = run.stand.events("generation.store_down")
    return f"{times} stops, {fenced:.0f} fenced, {alone} thought Redis away", [("a stopped one does not blame Redis", alone == 0),
                                               ("no fenced write was shown", not any(s.rewinds for s in run.streams)),
                                               ("answers were taken over", any(s.epochs > 1 for s in run.streams)),
                                               ("the stopped one was fenced", fenced > 0)]


async def kill_redis(run, times):
    for _ in range(times):
        await asyncio.sleep(run.chance.uniform(2, 3))
        run.stand.redis.kill()
        await asyncio.sleep(run.chance.uniform(0, 1))
        run.stand.redis.start()
        await run.off_loop(run.stand.engine_ready, run.stand.folder / "redis")
    down = run.stand.events("generation.store_down")
    return f"{times} kills, {down} noticed", [("gateways noticed", down > 0)]


async def stop_redis(run, times, seconds):
    longest = 0
    for _ in range(times):
        for s in run.running():
            s.gap = 0.0
        run.stand.redis.freeze()
        await asyncio.sleep(seconds)
        run.stand.redis.thaw()
        now = time.monotonic()
        longest = max([longest] + [max(s.gap, now - s.text_at) for s in run.running() if s.text_at and not s.lost_at])
        await asyncio.sleep(3)
    return f"{times} stops, longest silence {longest:.2f} s", [("no stream stalls past the watchdog + 1 s", longest <= 2.0)]


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
    return (f"{times} restarts, drain {worst:.1f} s",
            [("drained within 10 s", worst <= 10), ("ended well", codes == {0}), (f"no error seen {errors}", not errors)])


async def kill_balancer(run, times):
    for _ in range(times):
        await asyncio.sleep(run.chance.uniform(1, 2))
        run.stand.haproxy.kill()
        await asyncio.sleep(run.chance.uniform(0, 0.3))
        run.stand.haproxy.start()
    return f"{times} kills", [("connections were lost", any(s.resumed for s in run.streams))]


async def storm(run, times):
    """All of it, at once."""
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
    return f"{times} double faults", [("answers were taken over", any(s.epochs > 1 for s in run.streams))]


async def fail_over(run, times):
    """The primary is stopped, so that it still believes in itself when it is back, and another becomes primary."""
    stand = run.stand
    first, second = stand.redis, stand.replica
    for _ in range(times):
        await asyncio.sleep(run.chance.uniform(2, 3))
        first.freeze()
        await run.off_loop(stand.until_primary, second)
        await asyncio.sleep(run.chance.uniform(0, 2))
        first.thaw()
        await run.off_loop(stand.until_replica, first)
        first, second = second, first
    down = stand.events("generation.store_down")
    return f"{times} failovers, {down} noticed", [("gateways noticed", down > 0)]


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
    return f"{seconds} s, {size / 1e6:.1f} MB", [("text came", size > 0)]


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
    return f"{seconds} s of 5 % loss and resets, {flaps} flaps", [("connections were lost", any(s.resumed for s in run.streams))]


def recorded(run, s):
    """Has history this answer, once and whole?"""
    status, body = get(run.chance.choice(run.stand.gateways).port, f"/v1/conversations/{s.chat}")
    messages = json.loads(body)["messages"] if status == 200 else []
    return [m["text"] for m in messages] == [s.input, bytes(s.data).decode()]


async def postgres_away(run, seconds):
    """The primary is killed while answers finish, comes back, and is killed for good: the standby is promoted."""
    stand, watched = run.stand, run.running()
    for s in watched:
        s.gap = 0.0
    stand.primary.kill()
    await asyncio.sleep(seconds)
    longest = max(s.gap for s in watched)
    ended = sum(s.done is not None and not s.done.get("persisted") for s in run.streams)
    stand.primary.start()
    await run.off_loop(stand.engine_ready, stand.folder / "primary")
    await asyncio.sleep(5)
    stand.primary.kill()
    await asyncio.sleep(run.chance.uniform(0, 2))
    await run.off_loop(stand.promote)
    await asyncio.sleep(3)
    run.full = True
    while run.running():
        await asyncio.sleep(0.05)
    missing, deadline = [s for s in run.streams if s.accepted], time.monotonic() + 45
    while missing and time.monotonic() < deadline:
        missing = [s for s in missing if not await run.off_loop(recorded, run, s)]
    return (f"{seconds} s away and a promotion, longest silence {longest:.2f} s, {ended} ended unrecorded",
            [(f"history has each once ({len(missing)} not)", not missing), ("answers ended meanwhile", ended > 0),
             ("tokens did not wait", longest < 1)])
