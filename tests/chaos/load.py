"""A stand under load: `at_once` streams at any time, each begun when another has ended, and what a row measures of them.

It refuses to hide that this process may be late itself: `late` is how much later than asked its own loop woke, and a bound
on what clients saw is widened by that and by nothing else.
"""

import asyncio
import random
import time

from client import Client, Stream

TICK = 0.02


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))] if values else 0.0


class Run:
    def __init__(self, stand, seed, strict, at_once, tokens, rate, direct=0.0, slow=False):
        self.stand, self.chance, self.strict = stand, random.Random(seed), strict
        self.tokens, self.rate, self.at_once = tokens, rate, at_once
        self.streams, self.clients, self.tasks = [], [], []
        self.gaps, self.late = [], []  # seconds between two texts of a stream; behind our own clock
        self.full = False  # no further streams
        for i in range(max(1, at_once // 4)):
            straight = self.stand.gateways[i % len(self.stand.gateways)].ws if i < direct * at_once / 4 else None
            self.clients.append(Client(self.chance, lambda straight=straight: straight or self.stand.ws, slow))
            self.clients[-1].straight = straight is not None
            if stand.network:
                self.clients[-1].socket = stand.network.socket

    async def open(self):
        self.tasks = [asyncio.ensure_future(c.run()) for c in self.clients]
        self.ticker = asyncio.ensure_future(self.tick())
        for i in range(self.at_once):
            self.tasks.append(asyncio.ensure_future(self.keep(self.clients[i % len(self.clients)])))

    async def tick(self):
        while True:
            due = time.monotonic() + TICK
            await asyncio.sleep(TICK)
            self.late.append(time.monotonic() - due)

    async def keep(self, client):
        await asyncio.sleep(self.chance.uniform(0, 1))
        while not self.full:
            s = Stream(self.chance, self.tokens, self.rate, self.gaps)
            s.straight = client.straight
            self.streams.append(s)
            await client.begin(s)
            await s.ended.wait()

    def running(self):
        return [s for s in self.streams if s.done is None]

    def watch(self):
        """From here on: the gaps, the longest silence of each stream, our own lateness."""
        self.gaps.clear()
        self.late.clear()
        for s in self.streams:
            s.gap = 0.0
        return time.monotonic()

    def longest_silence(self):
        """Since watch(), of those whose connection held: between two texts, before the end, and what still lasts."""
        now = time.monotonic()
        held = [s for s in self.streams if s.text_at and not s.resumed and not s.lost_at]
        return max((s.gap if s.done else max(s.gap, now - s.text_at) for s in held), default=0.0)

    def behind(self, q=1.0):
        return quantile(self.late, q)

    async def all_under_way(self, seconds=60):
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
        self.ticker.cancel()
        for s in self.running():
            s.ended.set()
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
