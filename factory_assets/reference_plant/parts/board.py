"""Etched circuit boards, copper on laminate; each is compared with the golden board of its design."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from zlib import crc32

import numpy as np

from factory_assets.reference_plant.parts.drawing import Floats, Place, blob, blurred, disc, line, noise
from factory_assets.reference_plant.parts.scene import Parameters, Part, Scene, canvas
from factory_assets.reference_plant.parts.surfaces import LightRange, Surface

SIZE_PX = 160
PITCH_PX = 13
TRACK_PX, PAD_PX, DRILL_PX = 4.6, 4.6, 1.7
DESIGNS = ("board-a",)


@dataclass(frozen=True)
class Design:
    """What is to be etched.

    Attributes:
        copper: Where copper is, 0 to 1.
        drilled: Where pads are drilled, 0 to 1.
        runs: Straight pieces of track, (row, column) of both ends.
        pads: Their middles.
        gaps: Places where two tracks lie side by side, (row, column) of both.
    """

    name: str
    copper: Floats
    drilled: Floats
    runs: tuple[tuple[Place, Place], ...]
    pads: tuple[Place, ...]
    gaps: tuple[tuple[Place, Place], ...]


@dataclass(frozen=True)
class Board(Part):
    """A board that was made by a design; its surface follows from its copper."""

    design: Design
    copper: Floats
    laminate: Surface
    metal: Surface

    def with_copper(self, copper: Floats) -> Board:
        """The same board with other copper."""
        return replace(self, copper=copper, surface=_etched(copper, self.design.drilled, self.laminate, self.metal))


@lru_cache(maxsize=len(DESIGNS))
def design(name: str) -> Design:
    """A design; its name says all of it.

    Tracks run down the columns of a grid and change columns now and then, so that none meets another; they start and
    end at pads.
    """
    rng = np.random.default_rng(crc32(name.encode()))
    shape = canvas(SIZE_PX, SIZE_PX)
    copper, drilled = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    runs: list[tuple[Place, Place]] = []
    pads: list[Place] = []
    columns = np.arange(14, shape[1] - 8, PITCH_PX)
    bend = int(rng.integers(45, 75)), int(rng.integers(95, 130))
    side = int(rng.choice([-1, 1]))
    # Pieces that run aslant lie a little lower from track to track, so that none comes near its neighbour.
    lags = side * (np.arange(len(columns)) - 6) * 2.0
    for column, lag in zip(columns.tolist(), lags.tolist(), strict=True):
        if rng.random() < 0.15:
            pads += [(float(row), float(column)) for row in rng.permutation(np.arange(24, bend[0] - 24, 14))[:2]]
            continue
        points = _track(float(column), side, (bend[0] + lag, bend[1] + lag), shape[0], rng)
        runs += itertools.pairwise(points)
        copper = np.maximum(copper, line(shape, points, TRACK_PX))
        for place in (points[0], points[-1]):
            if 10 < place[0] < shape[0] - 10:
                pads.append(place)
    for place in pads:
        copper = np.maximum(copper, disc(shape, place, PAD_PX))
        drilled = np.maximum(drilled, disc(shape, place, DRILL_PX))
    return Design(name, copper, drilled, tuple(runs), tuple(pads), _gaps(runs))


def _track(column: float, side: int, bend: tuple[float, float], height: int, rng: np.random.Generator) -> list[Place]:
    """Points of a track: down, aslant into the next column, down again; all tracks bend the same way."""
    first, last = (float(rng.choice([-4, 22, 34])), float(rng.choice([height + 4, height - 22, height - 34])))
    upper, lower = bend
    moved = column + side * PITCH_PX
    first, last = min(first, upper - PITCH_PX), max(last, lower + 2 * PITCH_PX)
    return [
        (first, column),
        (upper, column),
        (upper + PITCH_PX, moved),
        (lower, moved),
        (lower + PITCH_PX, column),
        (last, column),
    ]


def _gaps(runs: list[tuple[Place, Place]]) -> tuple[tuple[Place, Place], ...]:
    """Places along upright runs whose neighbour runs one pitch to the right at the same height."""
    upright = [(a, b) for a, b in runs if a[1] == b[1] and b[0] > a[0]]
    found = []
    for (top, bottom), (other_top, other_bottom) in ((one, two) for one in upright for two in upright):
        if other_top[1] - top[1] == PITCH_PX and top[1] > 18 and other_top[1] < SIZE_PX + 2:
            low, high = max(top[0], other_top[0], 18), min(bottom[0], other_bottom[0], SIZE_PX + 2)
            found += [((row, top[1]), (row, other_top[1])) for row in np.arange(low + 4, high - 4, 3.0)]
    return tuple(found)


def draw(rng: np.random.Generator) -> Board:
    """A sound board of a design that chance chooses: etched a little more or less, here and there."""
    chosen = design(DESIGNS[int(rng.integers(len(DESIGNS)))])
    shape = chosen.copper.shape
    amount = 0.5 + 0.09 * rng.normal() + 0.06 * noise(shape, 6, rng) + 0.05 * noise(shape, 40, rng)
    copper = np.clip((blurred(chosen.copper, 0.8) - amount) * 2.2 + 0.5, 0, 1)
    laminate = Surface(
        height=0.25 * noise(shape, (2, 3), rng),
        albedo=0.2 * (1 + 0.08 * noise(shape, 3, rng) + 0.06 * noise(shape, 30, rng)),
        gloss=np.full(shape, 0.1, np.float32),
    )
    metal = Surface(
        height=0.1 * noise(shape, 2, rng),
        albedo=0.62 * (1 + 0.04 * noise(shape, 2, rng) + 0.06 * noise(shape, 20, rng)),
        gloss=np.full(shape, 0.3, np.float32),
    )
    return _board(chosen, copper, laminate, metal)


def golden() -> Mapping[str, Board]:
    """The golden boards, as designed, without texture."""
    found = {}
    for name in DESIGNS:
        made = design(name)
        zeros = np.zeros(made.copper.shape, np.float32)
        laminate = Surface(height=zeros, albedo=zeros + np.float32(0.2), gloss=zeros + np.float32(0.1))
        metal = Surface(height=zeros, albedo=zeros + np.float32(0.62), gloss=zeros + np.float32(0.3))
        found[name] = _board(made, np.clip((blurred(made.copper, 0.8) - 0.5) * 2.2 + 0.5, 0, 1), laminate, metal)
    return found


def _board(made: Design, copper: Floats, laminate: Surface, metal: Surface) -> Board:
    surface = _etched(copper, made.drilled, laminate, metal)
    return Board(surface, np.ones(copper.shape, bool), made, copper, laminate, metal)


def _etched(copper: Floats, drilled: Floats, laminate: Surface, metal: Surface) -> Surface:
    surface = laminate.covered_by(metal, copper)
    surface = replace(surface, height=surface.height + 0.8 * blurred(copper, 0.8))
    return surface.darkened(1 - 0.85 * drilled)


def _run_place(board: Board, rng: np.random.Generator) -> tuple[Place, float]:
    """A place on a track, away from its ends and from the frame, and the direction of the track (radians)."""
    shape = board.body.shape
    for _ in range(200):
        (row, column), (end_row, end_column) = board.design.runs[int(rng.integers(len(board.design.runs)))]
        share = rng.uniform(0.15, 0.85)
        place = (row + share * (end_row - row), column + share * (end_column - column))
        if all(18 < value < size - 18 for value, size in zip(place, shape, strict=True)) and all(
            math.dist(place, pad) > 2 * PAD_PX for pad in board.design.pads
        ):
            return place, math.atan2(end_row - row, end_column - column)
    msg = f"{board.design.name} has no track within the frame"
    raise ValueError(msg)


def _beside(place: Place, direction: float, offset: float) -> Place:
    return place[0] + math.cos(direction) * offset, place[1] - math.sin(direction) * offset


def _open(board: Board, rng: np.random.Generator) -> tuple[Board, Parameters]:
    """A track that was etched through."""
    place, direction = _run_place(board, rng)
    gap = between_px(1.9, 5.4, rng)
    ends = [_beside(place, direction, offset) for offset in (-TRACK_PX, TRACK_PX)]
    cut = blurred(line(board.body.shape, ends, gap), 0.5)
    return board.with_copper(board.copper * (1 - np.clip(1.3 * cut, 0, 1))), {"gap_px": gap}


def _short(board: Board, rng: np.random.Generator) -> tuple[Board, Parameters]:
    """Copper that stayed between two tracks."""
    one, other = board.design.gaps[int(rng.integers(len(board.design.gaps)))]
    width = between_px(1.9, 4.4, rng)
    aslant = rng.uniform(-4, 4)
    bridge = blurred(line(board.body.shape, [one, (other[0] + aslant, other[1])], width), 0.5)
    return board.with_copper(np.maximum(board.copper, np.clip(1.2 * bridge, 0, 1))), {"width_px": width}


def _mouse_bite(board: Board, rng: np.random.Generator) -> tuple[Board, Parameters]:
    """A track that is too thin at one place."""
    place, direction = _run_place(board, rng)
    radius, side = between_px(1.7, 3.0, rng), float(rng.choice([-1, 1]))
    bite = _lump(board, _beside(place, direction, side * TRACK_PX / 2), radius, rng)
    return board.with_copper(board.copper * (1 - bite)), {"radius_px": radius}


def _spur(board: Board, rng: np.random.Generator) -> tuple[Board, Parameters]:
    """Copper that sticks out of a track."""
    place, direction = _run_place(board, rng)
    radius, side = between_px(1.6, 3, rng), float(rng.choice([-1, 1]))
    lump = _lump(board, _beside(place, direction, side * (TRACK_PX / 2 + radius * 0.6)), radius, rng)
    return board.with_copper(np.maximum(board.copper, lump)), {"radius_px": radius}


def _pinhole(board: Board, rng: np.random.Generator) -> tuple[Board, Parameters]:
    """A hole in the copper of a track."""
    place, direction = _run_place(board, rng)
    radius = between_px(1.3, 2.0, rng)
    hole = _lump(board, _beside(place, direction, float(rng.uniform(-0.5, 0.5))), radius, rng)
    return board.with_copper(board.copper * (1 - hole)), {"radius_px": radius}


def _lump(board: Board, place: Place, radius: float, rng: np.random.Generator) -> Floats:
    size = (radius * float(rng.uniform(1, 1.5)), radius)
    return blob(board.body.shape, place, size, rng, softness=0.6, ragged=0.1)


def between_px(low: float, high: float, rng: np.random.Generator) -> float:
    """A size between two bounds, all alike."""
    return float(rng.uniform(low, high))


SCENE = Scene(
    material="etched copper on laminate",
    height_px=SIZE_PX,
    width_px=SIZE_PX,
    lights=LightRange(
        exposure=(0.8, 1.05), elevation_deg=(50, 75), gradient=(0.0, 0.15), vignetting=(0.0, 0.15), glare=(0.0, 0.12),
        focus_px=(0.5, 0.9), shift_px=2.5, turn_deg=0.25,
    ),
    draw=draw,
    defects={"open": _open, "short": _short, "mouse_bite": _mouse_bite, "spur": _spur, "pinhole": _pinhole},
    defect_share=0.5,
    defects_a_part=3,
    golden=golden,
    design_of=lambda board: board.design.name,
)  # fmt: skip
