"""A sensor that is asked again and again, as Dagster's daemon asks it."""

from __future__ import annotations

import dagster as dg


class Ticking:
    """Keeps the cursor and reports what the sensor reports; subclasses say what `sensor`, `defs` and `instance` are."""

    instance: dg.DagsterInstance
    sensor: dg.SensorDefinition
    defs: dg.Definitions
    cursor: str | None = None

    def tick(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self.defs.get_repository_def()
        )
        result = self.sensor.evaluate_tick(context)
        self.cursor = result.cursor
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return list(result.run_requests or [])
