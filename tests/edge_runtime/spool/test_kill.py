"""SIGKILL at random moments, of a real process with its thread: what the line was told is what the exchange holds."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.edge_runtime.spool.spools import Station, a_verdict

KILLS = 12
LONGEST_LIFE_S = 0.4

# A station that tells each verdict only once it is kept: one line a part, number and trigger.
CHILD = """
import sys
from pathlib import Path
from tests.edge_runtime.spool.spools import Station, a_trigger, a_verdict, an_image

station, life = Station(Path(sys.argv[1]), batch=20), sys.argv[2]
spool = station.open(batch_s=0.01)
for number, trigger in spool.unconcluded():
    spool.conclude(a_verdict(number, trigger, verdict="nok", failure="interrupted"))
    print(number, trigger.trigger_id, "nok", flush=True)
spool.start()
print("started", flush=True)
for place in range(100_000):
    trigger = a_trigger(f"{life}-{place}")
    number = spool.accept(trigger)
    verdict = "nok" if place % 5 == 0 else "ok"
    spool.conclude(
        a_verdict(number, trigger, verdict=verdict, score=0.9), an_image(place, side_px=8) if verdict == "nok" else None
    )
    print(number, trigger.trigger_id, verdict, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of Windows")
def test_no_verdict_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    station = Station(tmp_path, batch=20)
    station.connect()
    chance = random.Random(7)
    told: list[list[str]] = []
    for life in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(life)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            begun = []
            for line in child.stdout:
                if line == "started\n":
                    break
                begun.append(line)
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read()
        whole = "".join([*begun, rest])
        told += [line.split() for line in whole[: whole.rfind("\n") + 1].splitlines()]

    spool = station.open()
    for number, trigger in spool.unconcluded():
        spool.conclude(a_verdict(number, trigger, verdict="nok", failure="interrupted"))
    spool.work()
    assert spool.problem() is None
    spool.close()

    rows = station.handed_on()
    assert len(told) > KILLS
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    assert len({row["trigger"]["trigger_id"] for row in rows}) == len(rows)
    held = {str(row["sequence"]): [str(row["sequence"]), row["trigger"]["trigger_id"], row["verdict"]] for row in rows}
    assert all(held[line[0]] == line for line in told)
    assert {row["image"] for row in rows if row["image"]} <= set(station.images())
