"""What says that a part is in front of the camera: every frame, a program on this machine, or a variable of a PLC."""

from edge_runtime.station.triggers.base import TriggerInput, TriggerRequest, open_triggers

__all__ = ["TriggerInput", "TriggerRequest", "open_triggers"]
