"""What a station is made of, and how it is put together from its settings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edge_runtime.camera.image_health import FrameJudge
from edge_runtime.camera.process import run_camera, slot_bytes
from edge_runtime.camera.ring import SLOTS, FrameRing, ring_name
from edge_runtime.engine.serving import engine_for_serving
from edge_runtime.spool import Spool
from edge_runtime.station.accounts import Accounts, Store
from edge_runtime.station.camera_post import CameraPost
from edge_runtime.station.children import Target
from edge_runtime.station.config import StationConfig
from edge_runtime.station.judging import EngineOpener, WorkerSettings
from edge_runtime.station.page_post import PagePost
from edge_runtime.station.posts import Post
from edge_runtime.station.release_updates import ReleaseUpdates
from edge_runtime.station.states import Event, EventLog, StateMachine
from edge_runtime.station.trials import Trials
from edge_runtime.station.triggers import TriggerInput, open_triggers
from edge_runtime.station.worker import run_worker

if TYPE_CHECKING:
    import numpy as np

SPOOL = "spool"


class ImageJudge(Protocol):
    """What is needed of `camera.image_health`."""

    def judge(self, pixels: np.ndarray, age_s: float) -> str | None: ...  # noqa: D102


@dataclass(frozen=True)
class Options:
    """What tests and benchmarks may have otherwise.

    Attributes:
        has_camera: Without one, frames are put into the ring by whoever calls `Station.submit`.
        judges_images: Whether frames are looked at for darkness and such.
        ring_slots: Of the ring of frames.
        ring_slot_bytes: None for what the camera's frames may need.
        open_engine: Opens a bundle's engine in a worker; picklable.
        camera: What the camera's process does; picklable.
        worker: What a worker's process does; picklable.
        tell: Takes events that are to be written out; must not block.
        triggers: None for those of the settings.
        spool: None for that of the settings.
    """

    has_camera: bool = True
    judges_images: bool = True
    ring_slots: int = SLOTS
    ring_slot_bytes: int | None = None
    open_engine: EngineOpener = engine_for_serving
    camera: Target = run_camera
    worker: Target = run_worker
    tell: Callable[[Event], None] | None = None
    triggers: TriggerInput | None = None
    spool: Store | None = None


@dataclass
class Parts:
    """The parts of one station; `close` lets all of them go."""

    config: StationConfig
    spool: Store
    ring: FrameRing
    triggers: TriggerInput
    camera: CameraPost | None
    page: PagePost | None
    image_judge: ImageJudge | None
    accounts: Accounts
    states: StateMachine
    log: EventLog
    trials: Trials
    new_post: Callable[[int], Post[Any]]
    closing: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Let all of them go, the spool last: nothing that was promised is lost."""
        self.closing.close()


def make_parts(config: StationConfig, options: Options = Options()) -> Parts:
    """Open what a station is made of; processes are started later.

    Raises:
        InputError: Another service works on the same state folder, or a setting cannot be used on this machine.
        EdgeError: What lies in the state folder is damaged.
    """
    with ExitStack() as opening:
        # The spool first: its lock keeps a second service from touching anything.
        spool = options.spool or Spool(_made(config.state) / SPOOL, config.station, config.spool)
        opening.callback(spool.close)
        ring = _ring(config, options)
        opening.callback(ring.close)
        opening.callback(ring.unlink)
        triggers = options.triggers or open_triggers(config.trigger, config.state)
        opening.callback(triggers.close)
        log = EventLog(options.tell)
        camera = CameraPost(options.camera, (config.camera, config.region, ring.name)) if options.has_camera else None
        page = _page(config)
        for post in (camera, page):
            if post is not None:
                opening.callback(post.close)
        settings = WorkerSettings(
            state=config.state,
            product=config.product,
            release=0,
            target=config.release.target,
            precision=config.release.precision,
            deadline_ms=config.deadline_ms,
            ring=ring.name,
            open_engine=options.open_engine,
        )
        return Parts(
            config=config,
            spool=spool,
            ring=ring,
            triggers=triggers,
            camera=camera,
            page=page,
            image_judge=FrameJudge(config.image_health) if options.judges_images else None,
            accounts=Accounts(spool, config.station, config.product or "unknown"),
            states=StateMachine(log),
            log=log,
            trials=Trials(config.state, ReleaseUpdates(config.state, config.release), log),
            new_post=_post_maker(settings, config.keep_warm_s, options.worker),
            closing=opening.pop_all(),
        )


def _made(state: Path) -> Path:
    state.mkdir(parents=True, exist_ok=True)
    return state


def _ring(config: StationConfig, options: Options) -> FrameRing:
    largest = options.ring_slot_bytes or slot_bytes(config.camera, config.region)
    return FrameRing.create(options.ring_slots, largest, name=ring_name(config.station, config.state))


def _page(config: StationConfig) -> PagePost | None:
    settings = config.page
    if settings is None:
        return None
    from edge_runtime.web.access import read_token
    from edge_runtime.web.process import listen, run_page

    # What a person must mend is told now, not by a process that fails again and again.
    if settings.token_file is not None:
        read_token(settings.token_file)
    listen(settings.host, settings.port).close()
    return PagePost(run_page, (settings,))


def _post_maker(settings: WorkerSettings, keep_warm_s: float, target: Target) -> Callable[[int], Post[Any]]:
    from dataclasses import replace

    def new_post(release: int) -> Post[Any]:
        return Post(replace(settings, release=release), keep_warm_s, target)

    return new_post
