"""Running an idle engine now and then: after a pause of 10 s its first call would take 18 ms instead of 1."""

from __future__ import annotations

from collections.abc import Callable


class KeepWarm:
    """Says when an engine was idle for too long, and runs it then.

    For one thread: `tick` is called between parts, never while one is judged.

    Args:
        run: One run whose outputs nobody needs.
        keep_warm_s: The longest pause between two runs.
        now: Seconds of a clock that never steps back, such as `time.monotonic`; the engine counts as used now.

    Raises:
        ValueError: The pause is not positive.
    """

    def __init__(self, run: Callable[[], object], keep_warm_s: float, now: float) -> None:
        if keep_warm_s <= 0:
            msg = f"keep_warm_s is {keep_warm_s}, must be more than 0"
            raise ValueError(msg)
        self._run, self._keep_warm_s, self._last_s = run, keep_warm_s, now

    def used(self, now: float) -> None:
        """Note that a part was judged."""
        self._last_s = now

    def due_in_s(self, now: float) -> float:
        """How long nothing needs to be run; 0 if it is due."""
        return max(0.0, self._last_s + self._keep_warm_s - now)

    def tick(self, now: float) -> bool:
        """Run the engine if it was idle for too long.

        Returns:
            Whether it was run.
        """
        if self.due_in_s(now) > 0:
            return False
        self._run()
        self._last_s = now
        return True
