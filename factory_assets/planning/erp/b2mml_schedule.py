"""A dispatch list as a B2MML work schedule (ISA-95 part 4): one job order for each operation and maintenance task."""

from __future__ import annotations

import datetime as dt
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from factory_assets.planning.erp.dispatch import Dispatch, DispatchRow, WorkOrderRow

NAMESPACE = "http://www.mesa.org/xml/B2MML-V0600"


def work_schedule(dispatch: Dispatch) -> bytes:
    """The XML of a `WorkSchedule`, with a `WorkRequest` for each order and one for maintenance.

    Element order follows the types of B2MML V0600; the same schedule gives the same bytes. Set-ups are a
    `JobOrderParameter`, since a job order's start is that of the work itself.
    """
    root = Element("WorkSchedule", {"xmlns": NAMESPACE})
    _add(root, "ID", dispatch.schedule_id)
    _add(root, "WorkType", "Mixed")
    times = [row.start_utc for row in dispatch.operations] + [row.start_utc for row in dispatch.work_orders]
    ends = [row.end_utc for row in dispatch.operations] + [row.end_utc for row in dispatch.work_orders]
    _add(root, "StartTime", _time(min(times, default=dispatch.start_utc)))
    _add(root, "EndTime", _time(max(ends, default=dispatch.start_utc)))
    _add(root, "ScheduleState", "Released")
    by_order: dict[str, list[DispatchRow]] = {}
    for row in dispatch.operations:
        by_order.setdefault(row.order_id, []).append(row)
    for order, rows in sorted(by_order.items()):
        request = SubElement(root, "WorkRequest")
        _add(request, "ID", order)
        for row in sorted(rows, key=lambda row: (row.start_utc, row.task_id)):
            _operation(request, row)
    if dispatch.work_orders:
        request = SubElement(root, "WorkRequest")
        _add(request, "ID", "maintenance")
        for work_order in dispatch.work_orders:
            _maintenance(request, work_order)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _operation(request: Element, row: DispatchRow) -> None:
    job = SubElement(request, "JobOrder")
    _head(job, row.task_id, "Production", (row.start_utc, row.end_utc))
    _add(job, "Priority", str(row.sequence))
    if row.setup_start_utc != row.start_utc:
        parameter = SubElement(job, "JobOrderParameter")
        _add(parameter, "ID", "SetupStartTime")
        value = SubElement(parameter, "Value")
        _add(value, "ValueString", _time(row.setup_start_utc))
        _add(value, "DataType", "dateTime")
    _resources(job, row.machine_id, row.operator_id)


def _maintenance(request: Element, row: WorkOrderRow) -> None:
    job = SubElement(request, "JobOrder")
    _head(job, row.work_order_id, "Maintenance", (row.start_utc, row.end_utc))
    _resources(job, row.machine_id, row.technician_id)


def _head(job: Element, name: str, work_type: str, times: tuple[dt.datetime, dt.datetime]) -> None:
    _add(job, "ID", name)
    _add(job, "WorkType", work_type)
    _add(job, "StartTime", _time(times[0]))
    _add(job, "EndTime", _time(times[1]))


def _resources(job: Element, machine: str, person: str | None) -> None:
    if person is not None:
        _add(SubElement(job, "PersonnelRequirement"), "PersonID", person)
    _add(SubElement(job, "EquipmentRequirement"), "EquipmentID", machine)


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def _time(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
