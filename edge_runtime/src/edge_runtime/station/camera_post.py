"""The camera process: started again when it dies or falls silent."""

from __future__ import annotations

from typing import Any

from edge_runtime.station.children import Child, ChildPost, Target
from edge_runtime.station.clock import NS_PER_S

START_S = 30.0
SILENCE_S = 3.0


class CameraPost(ChildPost):
    """Frames come from here.

    Args:
        target: What the process does.
        arguments: Of the target.
    """

    def __init__(self, target: Target, arguments: tuple[Any, ...]) -> None:
        super().__init__()
        self.fault: str | None = "the camera is starting"
        self.has_ended = False
        self._target, self._arguments = target, arguments
        self._heard_ns = 0
        self._is_open = self.was_open = False

    def receive(self, now_ns: int) -> Any:
        """The next frame or event; None if there is nothing to act on."""
        if self._child is None:
            return None
        try:
            message = self._child.receive()
        except EOFError:
            self._gone(now_ns, f"the camera's process is gone ({self._child.ending()})")
            return None
        self._heard_ns = now_ns
        if hasattr(message, "captured_ns"):
            self.fault, self._is_open, self.was_open = None, True, True
        elif message.kind == "opened":
            self.fault, self._is_open, self.was_open = None, True, True
            self.restarts.was_good()
        elif message.kind == "lost":
            self.fault = f"the camera is lost: {message.text}"
        elif message.kind == "ended":
            self.fault, self.has_ended = f"the camera has ended: {message.text}", True
        return message

    def tend(self, now_ns: int) -> str | None:
        """Start or kill the process, as is due; a reason if it was killed."""
        if self._child is None:
            if now_ns >= self._next_start_ns and not self.has_ended:
                self.restarts.started(now_ns)
                self._child = Child("camera", self._target, self._arguments)
                self._heard_ns, self._is_open = now_ns, False
            return None
        silence_s = (now_ns - self._heard_ns) / NS_PER_S
        if silence_s > (SILENCE_S if self._is_open else START_S):
            reason = f"the camera's process is silent for {silence_s:.1f} s"
            self._gone(now_ns, reason)
            return reason
        return None

    def done(self, part_id: str | None) -> None:
        """The part's verdict is kept."""
        if self._child is not None and part_id is not None:
            self._child.send(("done", part_id))

    def dropped(self, part_id: str | None, *, again: bool) -> None:
        """Nobody judged a part: a folder keeps its file, and offers it again if it is still wanted."""
        if self._child is not None and part_id is not None:
            self._child.send(("again" if again else "skip", part_id))

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.send(("stop",))
            self._child.close(0.5)
            self._child = None

    def _gone(self, now_ns: int, reason: str) -> None:
        if self._child is not None:
            self._child.kill()
        self._child = None
        if not self.has_ended:
            self.fault = reason
            self._next_start_ns = self.restarts.next_start_ns(now_ns)
