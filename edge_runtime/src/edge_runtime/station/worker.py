"""The worker process: frames in, verdicts out; nothing else, so that it can be killed at any moment."""

from __future__ import annotations

import gc
from multiprocessing.connection import Connection

from edge_runtime.camera.ring import FrameGone, FrameRef, FrameRing
from edge_runtime.errors import EdgeError, RefusedError
from edge_runtime.station.judging import Answer, Judge, WorkerSettings, failed
from edge_runtime.station.messages import receive, send

# The first value of a message to a worker. After JUDGE come a number, slot, generation and shape of the frame (a
# FrameRef would cost ten times as much to send), and whether the heat map is wanted.
JUDGE, WARM = "judge", "warm"
# And of one from it: with Ready; text and whether it was refused; the number and the fields of its Answer; nothing.
READY, FAILED, VERDICT, WARMED = "ready", "failed", "verdict", "warmed"
COLLECT_EVERY = 256


def run_worker(settings: WorkerSettings, connection: Connection) -> None:
    """Open the release, then answer until the pipe closes."""
    try:
        judge = Judge(settings)
        ring = FrameRing.attach(settings.ring)
    except EdgeError as error:
        send(connection, (FAILED, str(error), isinstance(error, RefusedError)))
        return
    # Nothing of what was loaded is ever garbage; what a frame leaves is collected between frames.
    gc.collect()
    gc.freeze()
    gc.disable()
    send(connection, (READY, judge.ready))
    _serve(judge, ring, connection)


def _serve(judge: Judge, ring: FrameRing, connection: Connection) -> None:
    judged = 0
    while True:
        message = receive(connection)
        if message[0] == JUDGE:
            _, number, slot, generation, shape, wants_map = message
            frame = FrameRef(slot, generation, shape, None, 0)
            # A plain tuple takes half as long to send.
            send(connection, (VERDICT, number, tuple(_judged(judge, ring, frame, wants_map=wants_map))))
            judged += 1
            if judged % COLLECT_EVERY == 0:
                gc.collect(1)
        else:
            judge.warm()
            gc.collect()
            send(connection, (WARMED,))


def _judged(judge: Judge, ring: FrameRing, frame: FrameRef, *, wants_map: bool) -> Answer:
    try:
        answer = judge.judge(ring.read(frame), wants_map=wants_map)
        # The frame is not copied: it must still be whole now.
        ring.check(frame)
    except FrameGone as error:
        return failed("camera", error.what)
    except Exception as error:  # noqa: BLE001 (whatever an engine raises, the part must be rejected)
        return failed("engine", f"{type(error).__name__}: {error}")
    return answer
