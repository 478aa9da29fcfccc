"""Machines that stand, as the ERP tells, in minutes since the problem's start."""

from __future__ import annotations

import datetime as dt

from factory_assets.planning.erp.errors import NegativeTimeError, UnknownMachineError
from factory_assets.planning.erp.faults import Faults
from factory_assets.planning.erp.orders import minutes_after
from factory_assets.planning.erp.rows import ErpRows
from factory_assets.planning.rescheduling import Breakdown

# Where nobody says when a machine will work again; and where the time that was said is over, but it still stands.
UNKNOWN_MIN, OVERDUE_MIN = 240, 30


def machine_stops(rows: ErpRows, start_utc: dt.datetime, faults: Faults) -> tuple[Breakdown, ...]:
    """Stops that are not over at the start; what is wrong with others is added to the faults."""
    known = {row["machine_id"] for row in rows["machine"]}
    found = []
    for row in rows["machine_stop"]:
        name = f"machine_stop {row['machine_id']} of {row['began_utc']:%Y-%m-%d %H:%M} UTC"
        end_utc = row["ended_utc"] or row["expected_end_utc"]
        if row["machine_id"] not in known:
            faults.add(UnknownMachineError, name, "the machine is not in the machine table: add it, or delete the row")
            continue
        if end_utc is not None and end_utc < row["began_utc"]:
            words = f"it ends at {end_utc:%Y-%m-%d %H:%M} UTC, before it begins: mend one of them"
            faults.add(NegativeTimeError, name, words)
            continue
        begin = max(0, minutes_after(start_utc, row["began_utc"]))
        if row["ended_utc"] is not None:
            end = minutes_after(start_utc, row["ended_utc"], is_rounded_up=True)
        elif row["expected_end_utc"] is None:
            end = begin + UNKNOWN_MIN
        else:
            end = max(minutes_after(start_utc, row["expected_end_utc"], is_rounded_up=True), begin + OVERDUE_MIN)
        if end > begin:
            found.append(Breakdown(row["machine_id"], begin, end))
    return tuple(found)
