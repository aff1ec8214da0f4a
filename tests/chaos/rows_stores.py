"""What is broken under the gateways while streams run: Redis, its Sentinels, Postgres. (The rest: rows.py.)"""

import asyncio
import json
import time

from load import quantile
from rows import Said, bound
from stand import get

WATCHDOG = 1  # seconds: session.timeout_ms, as it is by default


async def kill_redis(run, times):
    for _ in range(times):
        await asyncio.sleep(run.chance.uniform(2, 3))
        run.stand.redis.kill()
        await asyncio.sleep(run.chance.uniform(0, 1))
        run.stand.redis.start()
        await run.off_loop(run.stand.engine_ready, run.stand.folder / "redis")
    down = run.stand.events("generation.store_down")
    return Said({"kills": times}, [("gateways noticed", down > 0)], sums={"noticed": down})


async def silent_redis(run, times, seconds, silence, sound):
    """Every stream runs longer than the silence, and its client is at the gateway that produces it."""
    longest, late, through = 0.0, 0.0, 0
    for _ in range(times):
        run.watch()
        there = [(s, len(s.data)) for s in run.running() if s.text_at]
        silence()
        await asyncio.sleep(seconds)
        longest, late = max(longest, run.longest_silence()), max(late, run.behind())
        through += sum(s.done is None and len(s.data) > had for s, had in there)
        sound()
        await asyncio.sleep(3)
    down = run.stand.events("generation.store_down")
    return Said({f"times {seconds} s": times},
                [(f"no stream stalls past the watchdog + 1 s: {longest:.2f} s", longest <= WATCHDOG + 1 + late),
                 ("gateways noticed", down > 0), ("streams ran all the while", through > 0)],
                worst={"longest silence": longest}, sums={"ran through": through})


async def stop_redis(run, times, seconds):
    return await silent_redis(run, times, seconds, run.stand.redis.freeze, run.stand.redis.thaw)


async def blackhole_redis(run, times, seconds):
    """Its packets are dropped, both ways: nothing is reset, and what was sent is sent again by the kernel."""
    stand = run.stand
    return await silent_redis(run, times, seconds, lambda: stand.alone.swallow(stand.port_of(stand.redis)), stand.alone.relieve)


async def fail_over(run, times):
    """The primary leaves and still believes in itself when it is back; another has become primary. In turn: cut off from its
    fellows while gateways still write to it, cut off from all, stopped."""
    stand, ways = run.stand, []
    first, second = stand.redis, stand.replica
    for i in range(times):
        await asyncio.sleep(run.chance.uniform(2, 3))
        way = ("from its fellows", "from all", "stopped")[i % 3] if stand.alone else "stopped"
        ways.append(way)
        if way == "stopped":
            first.freeze()
        else:
            (stand.alone.swallow if way == "from all" else stand.alone.isolate)(stand.port_of(first))
        await run.off_loop(stand.until_primary, second)
        await asyncio.sleep(run.chance.uniform(0, 2))
        if way == "stopped":
            first.thaw()
        else:
            stand.alone.relieve()
        await run.off_loop(stand.until_replica, first)
        first, second = second, first
    down = stand.events("generation.store_down")
    return Said({"failovers": times}, [("gateways noticed", down > 0)],
                sums={"noticed": down, "cut off": sum(w != "stopped" for w in ways)})


def recorded(run, s):
    """Has history this answer, once and whole?"""
    status, body = get(run.chance.choice(run.stand.gateways).port, f"/v1/conversations/{s.chat}")
    messages = json.loads(body)["messages"] if status == 200 else []
    return [m["text"] for m in messages] == [s.input, bytes(s.data).decode()]


def begun(run, since):
    return [s.first for s in run.streams if s.first and s.asked_at >= since]


def pace(run, since):
    """(p99 of what lay between two texts, p99 from asking to the first text) since then."""
    return quantile(run.gaps, 0.99), quantile(begun(run, since), 0.99)


async def fall(run):
    """The primary dies, its standby takes over, and the dead one comes back as a standby of it."""
    stand = run.stand
    stand.primary.kill()
    await asyncio.sleep(run.chance.uniform(0, 2))
    await run.off_loop(stand.promote)
    await asyncio.sleep(run.chance.uniform(0, 1))
    await run.off_loop(stand.follow)
    await asyncio.sleep(run.chance.uniform(2, 3))


async def postgres_away(run, seconds, promotions):
    """The primary is killed while answers finish, and comes back; then it is killed for good and its standby promoted, and so on
    from one to the other."""
    stand, since = run.stand, run.watch()
    await asyncio.sleep(min(seconds, 8))
    before, late = pace(run, since), run.behind(0.99)
    since = run.watch()
    stand.primary.kill()
    await asyncio.sleep(seconds)
    during, late, silence = pace(run, since), max(late, run.behind(0.99)), run.longest_silence() - run.behind()
    new = len(begun(run, since))
    ended = sum(s.done is not None and not s.done.get("persisted") for s in run.streams)
    stand.primary.start()
    await run.off_loop(stand.postgres_ready, stand.primary)
    await asyncio.sleep(3)
    for _ in range(promotions):
        await fall(run)
    run.full = True
    while run.running():
        await asyncio.sleep(0.05)
    missing, deadline = [s for s in run.streams if s.accepted], time.monotonic() + 45
    while missing and time.monotonic() < deadline:
        missing = [s for s in missing if not await run.off_loop(recorded, run, s)]
    return Said({f"s away, then {promotions} promotions": seconds},
                [(f"history has each once ({len(missing)} not)", not missing), ("answers ended meanwhile", ended > 0),
                 ("tokens did not wait", silence < 1),
                 bound(run, f"between two texts, p99 beyond {before[0]:.2f} s,", during[0] - before[0], 0.1, late),
                 bound(run, f"to the first text, p99 beyond {before[1]:.2f} s,", during[1] - before[1], 0.25, late)],
                worst={"to the first text, p99 with Postgres": before[1], "without": during[1], "between two texts, p99 with": before[0],
                       "without it": during[0]}, sums={"ended meanwhile": ended, "begun meanwhile": new})
