"""What hardly changes in the reference plant: machines, shifts, set-ups, people, tools and routings.

Products are the four that are inspected (casting, panel, board, cover); each is a family that machines are set up for.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from factory_assets.reference_plant.fleets import FLEETS

Rows = list[dict[str, Any]]

ZONE = "Europe/Berlin"
FAMILIES = ("casting", "panel", "board", "cover")
WORKDAYS = range(1, 6)
HOLIDAYS = ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))
YEARS = range(2025, 2031)

# Calendar: shifts of a day (local time), of which weekdays.
SHIFTS: dict[str, tuple[tuple[str, str], ...]] = {
    "early": (("06:00", "14:00"),),
    "late": (("14:00", "22:00"),),
    "two shifts": (("06:00", "14:00"), ("14:00", "22:00")),
    "day": (("07:00", "15:30"),),
    "three shifts": (("06:00", "14:00"), ("14:00", "22:00"), ("22:00", "06:00")),
}

# Class: machines, line, calendar (None: always), money an hour, whether work may wait for the next shift.
OTHER_MACHINES: dict[str, tuple[int, str, str | None, float, bool]] = {
    "assembly": (3, "assembly", "day", 45.0, True),
    "moulding": (3, "moulding", "three shifts", 60.0, True),
    "oven": (1, "assembly", None, 30.0, False),
}
FLEET_COSTS = {"press": 90.0, "spindle": 75.0}

# Minutes from one family (row) to another (column), by machine class; whoever stays with a family needs none.
SETUPS: dict[str, dict[str, dict[str, int]]] = {
    "press": {
        "casting": {"panel": 45, "cover": 35},
        "panel": {"casting": 60, "cover": 40},
        "cover": {"casting": 30, "panel": 50},
    },
    "spindle": {
        "casting": {"panel": 25, "board": 30},
        "panel": {"casting": 20, "board": 35},
        "board": {"casting": 40, "panel": 40},
    },
    "assembly": {"board": {"cover": 15}, "cover": {"board": 25}},
}

# Crew: calendar, how many, skills.
CREWS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "forming early": ("early", 7, ("pressing",)),
    "forming late": ("late", 6, ("pressing",)),
    "machining early": ("early", 7, ("machining",)),
    "machining late": ("late", 5, ("machining", "pressing")),
    "assembly day": ("day", 3, ("assembling", "soldering")),
    "moulding crew": ("three shifts", 2, ("moulding",)),
    "technicians early": ("early", 2, ("maintenance",)),
    "technicians late": ("late", 1, ("maintenance",)),
}
TOOLS = {"panel die": 4, "cover mould": 2, "casting fixture": 5}

# Routing: product, then operations: number, machines, fixed minutes, minutes a piece, skill, tool, after, material.
Steps = tuple[tuple[int, tuple[str, int, int], float, float, str | None, str | None, tuple[int, ...]], ...]
ROUTINGS: dict[str, tuple[str, Steps]] = {
    "casting, two spindles": (
        "casting",
        (
            (10, ("spindle", 1, 8), 15, 0.9, "machining", "casting fixture", ()),
            (20, ("spindle", 5, 12), 10, 0.6, "machining", None, (10,)),
            (30, ("press", 1, 4), 10, 0.25, "pressing", None, (20,)),
        ),
    ),
    "casting, one spindle": (
        "casting",
        (
            (10, ("spindle", 9, 12), 20, 1.7, "machining", "casting fixture", ()),
            (30, ("press", 1, 4), 10, 0.25, "pressing", None, (10,)),
        ),
    ),
    "panel": (
        "panel",
        (
            (10, ("press", 1, 8), 20, 0.7, "pressing", "panel die", ()),
            (20, ("press", 5, 12), 10, 0.5, "pressing", None, (10,)),
            (30, ("spindle", 9, 12), 10, 0.3, "machining", None, (20,)),
        ),
    ),
    "board": (
        "board",
        (
            (10, ("assembly", 1, 2), 10, 0.5, "soldering", None, ()),
            (20, ("oven", 1, 1), 120, 0.0, None, None, (10,)),
            (25, ("spindle", 1, 4), 10, 0.4, "machining", None, (10,)),
            (30, ("assembly", 1, 3), 10, 0.3, "assembling", None, (20, 25)),
        ),
    ),
    "cover": (
        "cover",
        (
            (10, ("moulding", 1, 3), 30, 0.8, "moulding", "cover mould", ()),
            (20, ("press", 9, 12), 10, 0.35, "pressing", None, (10,)),
            (30, ("assembly", 2, 3), 10, 0.25, "assembling", None, (20,)),
        ),
    ),
}
BATCHED = {("board", 20)}
MATERIAL_OF: dict[str, tuple[str, float]] = {  # taken by the first operation: which, how much a piece
    "casting": ("aluminium blank", 1.0),
    "panel": ("steel sheet", 1.1),
    "board": ("board blank", 1.0),
    "cover": ("granulate kg", 0.4),
}


def floor_rows() -> dict[str, Rows]:
    """Rows of the tables that hardly change."""
    return {**_calendars(), **_machines(), **_people(), **_routings()}


def _calendars() -> dict[str, Rows]:
    shifts = [
        {"calendar_id": name, "weekday": day, "begins_local": _time(begins), "ends_local": _time(ends)}
        for name, times in SHIFTS.items()
        for day in WORKDAYS
        for begins, ends in times
    ]
    closed = [
        {
            "calendar_id": name,
            "day": dt.date(year, month, day),
            "number": 1,
            "begins_local": None,
            "ends_local": None,
        }
        for name in SHIFTS
        for year in YEARS
        for month, day in HOLIDAYS
    ]
    calendars = [{"calendar_id": name, "time_zone": ZONE} for name in SHIFTS]
    return {"calendar": calendars, "calendar_shift": shifts, "calendar_exception": closed}


def machine_rows() -> Rows:
    """All machines, set up for what they were first set up for."""
    machines: Rows = []
    for fleet in FLEETS:
        for number, name in enumerate(fleet.machines):
            families = sorted(SETUPS[fleet.name])
            row = _machine(name, fleet.name, fleet.line, "two shifts", FLEET_COSTS[fleet.name], may_pause=True)
            machines.append({**row, "first_family": families[number % len(families)], "is_maintained": True})
    for name, (count, line, calendar, cost, may_pause) in OTHER_MACHINES.items():
        for number in range(1, count + 1):
            machines.append(_machine(f"{name}-{number:02d}", name, line, calendar, cost, may_pause=may_pause))
    return machines


def _machines() -> dict[str, Rows]:
    machines = machine_rows()
    setups = [
        {"machine_id": row["machine_id"], "from_family": before, "to_family": after, "setup_min": minutes}
        for row in machines
        for before, following in SETUPS.get(row["machine_class"], {}).items()
        for after, minutes in following.items()
    ]
    return {"machine": machines, "setup_time": setups}


def _machine(
    name: str, machine_class: str, line: str, calendar: str | None, cost_per_h: float, *, may_pause: bool
) -> dict[str, Any]:
    return {
        "machine_id": name,
        "title": name.replace("-", " ").capitalize(),
        "machine_class": machine_class,
        "line": line,
        "calendar_id": calendar,
        "cost_per_h": cost_per_h,
        "first_family": None,
        "may_pause": may_pause,
        "is_maintained": False,
    }


def _people() -> dict[str, Rows]:
    return {
        "operator": [
            {"operator_id": name, "calendar_id": calendar, "headcount": count}
            for name, (calendar, count, _) in CREWS.items()
        ],
        "operator_skill": [
            {"operator_id": name, "skill": skill} for name, (_, _, skills) in CREWS.items() for skill in skills
        ],
        "tool": [{"tool_id": name, "pieces": pieces} for name, pieces in TOOLS.items()],
    }


def _routings() -> dict[str, Rows]:
    rows: dict[str, Rows] = {
        "routing": [],
        "routing_operation": [],
        "routing_mode": [],
        "routing_precedence": [],
        "routing_material": [],
    }
    for name, (product, steps) in ROUTINGS.items():
        rows["routing"].append({"routing_id": name, "product_id": product})
        material, per_piece = MATERIAL_OF[product]
        first = {"routing_id": name, "operation_no": steps[0][0], "material_id": material, "per_piece": per_piece}
        rows["routing_material"].append(first)
        for number, (machine_class, low, high), fixed, per_piece_min, skill, tool, after in steps:
            key = {"routing_id": name, "operation_no": number}
            is_batched = (name, number) in BATCHED
            family = None if machine_class == "oven" else product
            rows["routing_operation"].append({**key, "family": family, "is_batched": is_batched})
            rows["routing_precedence"] += [{**key, "after_no": before} for before in after]
            rows["routing_mode"] += [
                {
                    **key,
                    "machine_id": f"{machine_class}-{machine:02d}",
                    "fixed_min": float(fixed),
                    "min_per_piece": per_piece_min,
                    "skill": skill,
                    "tool_id": tool,
                }
                for machine in range(low, high + 1)
            ]
    return rows


def _time(text: str) -> dt.time:
    return dt.time.fromisoformat(text)
