"""A part's surface as a camera above it sees it, and what light makes of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from factory_assets.reference_plant.parts.drawing import Bytes, Floats, Place, blurred, grid, moved

MARGIN_PX = 10
WHITE = 255.0


@dataclass(frozen=True)
class Surface:
    """What reflects light, float32 (height, width) each, with a margin of MARGIN_PX around the camera's view.

    Attributes:
        height: Towards the camera, px; only its slopes matter.
        albedo: Share of light that is scattered, 0 to 1.
        gloss: Strength of reflections, 0 to 1.
    """

    height: Floats
    albedo: Floats
    gloss: Floats

    def sunk(self, depth: Floats) -> Surface:
        """Lower by so much (px)."""
        return replace(self, height=self.height - depth)

    def darkened(self, factor: Floats) -> Surface:
        """Scatters a share of what it did."""
        return replace(self, albedo=self.albedo * factor)

    def covered_by(self, other: Surface, alpha: Floats) -> Surface:
        """Another surface where `alpha` is 1."""
        return Surface(
            height=self.height * (1 - alpha) + other.height * alpha,
            albedo=self.albedo * (1 - alpha) + other.albedo * alpha,
            gloss=self.gloss * (1 - alpha) + other.gloss * alpha,
        )

    def seen(self, shift: Place, turn_deg: float) -> Surface:
        """The camera's view of the part, shifted (down, right, px) and turned; without the margin."""
        return Surface(**{f.name: moved(getattr(self, f.name), shift, turn_deg, MARGIN_PX) for f in fields(self)})


@dataclass(frozen=True)
class LightRange:
    """Between which bounds the light of a station varies; see `Light`."""

    exposure: tuple[float, float]
    elevation_deg: tuple[float, float]
    gradient: tuple[float, float] = (0.0, 0.25)
    vignetting: tuple[float, float] = (0.0, 0.25)
    glare: tuple[float, float] = (0.0, 0.25)
    focus_px: tuple[float, float] = (0.45, 0.75)
    read_noise: tuple[float, float] = (1.0, 2.0)
    shift_px: float = 3.0
    turn_deg: float = 2.0
    shininess: float = 20.0


@dataclass(frozen=True)
class Light:
    """How one photograph was lit and taken.

    Attributes:
        exposure: Grey value of a surface with albedo 1 that faces the light, as a share of white.
        azimuth_deg, elevation_deg: Where the lamp is.
        gradient, gradient_deg: By how much brightness changes from the middle to one side, and to which.
        vignetting: Share of light that is lost in the corners.
        glare, glare_deg, glare_at: A streak that glossy surfaces mirror: strength, direction, place (-1 to 1).
        focus_px: Spread of the lens's blur.
        read_noise: Sensor noise of a dark pixel, grey values; bright ones have shot noise as well.
        shift_px, turn_deg: How the part lies (down, right; anticlockwise).
    """

    exposure: float
    azimuth_deg: float
    elevation_deg: float
    gradient: float
    gradient_deg: float
    vignetting: float
    glare: float
    glare_deg: float
    glare_at: float
    focus_px: float
    read_noise: float
    shift_px: Place
    turn_deg: float
    shininess: float


def draw_light(bounds: LightRange, rng: np.random.Generator) -> Light:
    """The light of one photograph."""
    return Light(
        exposure=float(rng.uniform(*bounds.exposure)),
        azimuth_deg=float(rng.uniform(0, 360)),
        elevation_deg=float(rng.uniform(*bounds.elevation_deg)),
        gradient=float(rng.uniform(*bounds.gradient)),
        gradient_deg=float(rng.uniform(0, 360)),
        vignetting=float(rng.uniform(*bounds.vignetting)),
        glare=float(rng.uniform(*bounds.glare)),
        glare_deg=float(rng.uniform(0, 180)),
        glare_at=float(rng.uniform(-1, 1)),
        focus_px=float(rng.uniform(*bounds.focus_px)),
        read_noise=float(rng.uniform(*bounds.read_noise)),
        shift_px=(float(rng.uniform(-1, 1) * bounds.shift_px), float(rng.uniform(-1, 1) * bounds.shift_px)),
        turn_deg=float(rng.uniform(-1, 1) * bounds.turn_deg),
        shininess=bounds.shininess,
    )


def standard_light(bounds: LightRange) -> Light:
    """Even light from all sides, the part in its place: how golden images are taken."""
    return Light(
        exposure=sum(bounds.exposure) / 2, azimuth_deg=0, elevation_deg=90, gradient=0, gradient_deg=0, vignetting=0,
        glare=0, glare_deg=0, glare_at=0, focus_px=sum(bounds.focus_px) / 2, read_noise=0, shift_px=(0.0, 0.0),
        turn_deg=0, shininess=bounds.shininess,
    )  # fmt: skip


def shade(surface: Surface, light: Light) -> Floats:
    """What reaches the sensor from a surface (no margin), in grey values without noise: float32 (height, width).

    Lambert's law with some light from all sides, and Blinn's model of reflections.
    """
    down, right = np.gradient(surface.height)
    facing = 1 / np.sqrt(1 + down * down + right * right)
    azimuth, elevation = np.radians(light.azimuth_deg), np.radians(light.elevation_deg)
    level, steep = np.cos(elevation), np.sin(elevation)
    lamp = (-np.sin(azimuth) * level, np.cos(azimuth) * level, steep)
    lit = np.maximum((-down * lamp[0] - right * lamp[1] + lamp[2]) * facing, 0) / max(steep, 0.2)
    halfway = np.array([lamp[0], lamp[1], lamp[2] + 1]) / np.sqrt(2 + 2 * steep)
    mirrored = np.maximum((-down * halfway[0] - right * halfway[1] + halfway[2]) * facing, 0) ** light.shininess
    streak = _glare(surface.height.shape, light)
    seen = surface.albedo * (0.35 + 0.65 * lit) + surface.gloss * (0.5 * mirrored + streak)
    return blurred(
        (seen * _field(surface.height.shape, light) * (light.exposure * WHITE)).astype(np.float32), light.focus_px
    )


def photograph(clean: Floats, light: Light, sensor: Floats) -> Bytes:
    """Add noise and make whole grey values: `sensor` is standard normal, one number a pixel."""
    spread = np.sqrt(light.read_noise**2 + 0.02 * np.maximum(clean, 0) * np.sign(light.read_noise))
    return np.asarray(np.clip(np.rint(clean + spread * sensor), 0, WHITE), np.uint8)


def _centred(shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Rows and columns from -1 to 1."""
    rows, columns = grid((shape[0], shape[1]))
    return rows / (shape[0] - 1) * 2 - 1, columns / (shape[1] - 1) * 2 - 1


def _field(shape: tuple[int, ...], light: Light) -> Floats:
    rows, columns = _centred(shape)
    turn = np.radians(light.gradient_deg)
    across = columns * np.cos(turn) - rows * np.sin(turn)
    corners = (rows * rows + columns * columns) / 2
    return np.asarray((1 + light.gradient * across) * (1 - light.vignetting * corners))


def _glare(shape: tuple[int, ...], light: Light) -> Floats:
    rows, columns = _centred(shape)
    turn = np.radians(light.glare_deg)
    across = columns * np.cos(turn) - rows * np.sin(turn) - light.glare_at
    return np.asarray(light.glare * np.exp(-((across / 0.35) ** 2)))
