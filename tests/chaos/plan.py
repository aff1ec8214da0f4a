"""Which rows there are, how hard each is in the short form and in full, in how many pieces the full one is run, and which
row must find which planted fault."""

from dataclasses import dataclass, field

import rows
import rows_stores


@dataclass
class Row:
    what: object
    load: dict  # see load.Run
    full_load: dict
    often: tuple  # arguments of `what`; the first says how often, or how long
    full_often: tuple
    pieces: int = 1  # of the full run: each is a stand of its own and lasts some minutes
    stand: dict = field(default_factory=dict)

    def often_of(self, piece):
        """The share of a piece in the full run."""
        whole, more = divmod(self.full_often[0], self.pieces)
        return whole + (piece < more), *self.full_often[1:]


def load(at_once, tokens, rate, **more):
    return dict(at_once=at_once, tokens=tokens, rate=rate, **more)


ROWS = {
    "gateway": Row(rows.kill_gateways, load(120, 60, 10), load(1000, 100, 4), (5,), (200,), 5),
    "stop-owner": Row(rows.stop_owner, load(60, 120, 10, direct=0.5), load(200, 250, 5, direct=0.5), (2, 6), (50, 15), 4),
    "redis": Row(rows_stores.kill_redis, load(100, 60, 10), load(400, 100, 5), (3,), (30,)),
    "stop-redis": Row(rows_stores.stop_redis, load(80, 130, 10), load(400, 125, 5), (1, 6), (5, 10)),
    "blackhole": Row(rows_stores.blackhole_redis, load(80, 160, 10), load(400, 250, 5), (1, 8), (5, 30), stand=dict(alone="must")),
    "sentinel": Row(rows_stores.fail_over, load(80, 60, 10), load(400, 100, 5), (2,), (10,), stand=dict(sentinels=3, alone="may")),
    "postgres": Row(rows_stores.postgres_away, load(60, 60, 10), load(200, 60, 10), (6, 2), (60, 5), stand=dict(postgres=True)),
    "balancer": Row(rows.kill_balancer, load(120, 60, 10), load(400, 60, 5), (5,), (50,)),
    "rolling": Row(rows.roll, load(100, 60, 10), load(400, 60, 10), (3,), (50,), 2),
    "network": Row(rows.bad_network, load(60, 60, 10), load(100, 100, 5), (12,), (300,), stand=dict(network=True)),
    "slow": Row(rows.read_slowly, load(24, 20000, 0, direct=1.0, slow=True), load(40, 50000, 0, direct=1.0, slow=True), (5,), (60,)),
    "storm": Row(rows.storm, load(100, 100, 10, direct=0.3), load(400, 100, 5, direct=0.3), (8,), (100,), 2),
}


@dataclass
class Plant:
    row: str
    often: tuple  # as of a Row
    signs: tuple  # what must be found: counts, or words of a claim that does not hold

    def found(self, piece):
        return any(piece["counts"].get(s) or any(s in words for words in piece["fails"]) for s in self.signs)


PLANTS = {
    "fence": Plant("stop-owner", (1, 5), ("reordered",)),
    "retry": Plant("stop-redis", (1, 3), ("duplicated",)),
    "done": Plant("gateway", (2,), ("wrongly complete",)),
    "cursor": Plant("slow", (2,), ("lost", "unended")),
    "watchdog": Plant("stop-redis", (1, 4), ("no stream stalls",)),
}
