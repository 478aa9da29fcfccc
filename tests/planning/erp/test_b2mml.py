"""B2MML in and out, and XML that must not be let in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from factory_assets.planning.erp import errors
from factory_assets.planning.erp.b2mml_orders import orders_of_b2mml
from factory_assets.planning.erp.b2mml_schedule import NAMESPACE, work_schedule
from factory_assets.planning.erp.dispatch import dispatch_of
from factory_assets.planning.erp.safe_xml import DEEPEST, parse_xml
from factory_assets.planning.problem import Mode, Order
from tests.planning.shop_made import schedule, shop

SAMPLE = Path(__file__).parent / "operations_schedule.xml"
MORNING = dt.datetime(2026, 10, 5, 4, tzinfo=dt.UTC)
CLASSES = {"press": ("press-01", "press-02"), "oven": ("oven-01",)}


def read(text: bytes) -> tuple[Order, ...]:
    return orders_of_b2mml(text, MORNING, CLASSES, late_cost_per_h=60.0)


def sample(*replaced: tuple[str, str]) -> bytes:
    text = SAMPLE.read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return text.encode()


def test_requests_are_orders_and_segments_operations() -> None:
    first, second = read(sample())
    assert (first.name, first.release_min, first.due_min, first.late_cost_per_min) == ("4711", 120, 2160, 2.0)
    draw, cure = first.operations
    assert draw.modes == (Mode("press-01", 90, "pressing", "die-7"), Mode("press-02", 90, "pressing", "die-7"))
    assert (draw.name, draw.materials, draw.after) == ("4711/10", {"steel": 120.5}, ())
    assert (cure.modes, cure.after) == ((Mode("oven-01", 1441, None, None),), ("4711/10",))
    assert (second.name, second.release_min, second.due_min, second.late_cost_per_min) == ("4712", 0, None, 1.0)
    assert [operation.after for operation in second.operations] == [(), ("4712/10",), ("4712/20",)]


def test_older_versions_are_read_too() -> None:
    older = sample(
        ("OperationsSchedule", "ProductionSchedule"),
        ("OperationsRequest", "ProductionRequest"),
        ("B2MML-V0600", "B2MML-V0401"),
    )
    assert read(older) == read(sample())


BAD = {
    "another message": ((("OperationsSchedule", "OperationsPerformance"),), errors.B2mmlError, "send an OperationsSch"),
    "no end": ((("</OperationsSchedule>", ""),), errors.B2mmlError, "no well-formed XML"),
    "no time": ((("2026-10-05T06:00:00Z", "Monday"),), errors.B2mmlError, "StartTime 'Monday' is no time"),
    "no zone": ((("2026-10-05T06:00:00Z", "2026-10-05T06:00:00"),), errors.B2mmlError, "names no time zone"),
    "no duration": ((("PT1H30M", "90"),), errors.B2mmlError, "segment 4711/10: '90' is no duration"),
    "months": ((("PT1H30M", "P1M"),), errors.B2mmlError, "is no duration"),
    "no identifier": ((("<ID>4711</ID>", ""),), errors.B2mmlError, "a request has no ID"),
    "no quantity": ((("120.5", "some"),), errors.B2mmlError, "the quantity of steel of 4711/10 is 'some'"),
    "negative quantity": ((("120.5", "-1"),), errors.NegativeTimeError, "the quantity of steel"),
    "negative duration": ((("PT1H30M", "-PT1H30M"),), errors.NegativeTimeError, "4711/10: its Duration"),
    "due before release": (
        (("2026-10-06T18:00:00+02:00", "2026-10-05T05:00:00Z"),),
        errors.DueBeforeReleaseError,
        "4711",
    ),
    "unknown machine": ((("oven-01", "oven-09"),), errors.UnknownMachineError, "machine oven-09 is not known"),
    "unknown class": (((">press<", ">lathe<"),), errors.UnknownMachineError, "machine class lathe"),
    "no machine": (
        (("<EquipmentUse>Tool", "<EquipmentUse>Machine"), ("die-7", "oven-01")),
        errors.OrderWithoutRoutingError,
        "segment 4711/10: it requires 2 machines",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_planned_is_a_named_error(name: str) -> None:
    replaced, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        read(sample(*replaced))


def test_a_request_without_segments_has_no_routing() -> None:
    request = "<OperationsRequest><ID>1</ID></OperationsRequest>"
    text = f'<OperationsSchedule xmlns="{NAMESPACE}">{request}</OperationsSchedule>'
    with pytest.raises(errors.OrderWithoutRoutingError, match="request 1: it has no SegmentRequirement"):
        read(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>',
        b'<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><a/>',
        b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1),
    ],
)
def test_xml_that_could_do_harm_is_refused(text: bytes) -> None:
    with pytest.raises(errors.UnsafeXmlError):
        parse_xml(text)


def test_undefined_entities_are_no_xml() -> None:
    with pytest.raises(errors.B2mmlError, match="undefined entity"):
        parse_xml(b"<a>&x;</a>")


def test_a_schedule_goes_out_as_job_orders() -> None:
    text = work_schedule(dispatch_of(shop(), schedule()))
    root = parse_xml(text)
    space = {"b": NAMESPACE}
    assert root.tag == f"{{{NAMESPACE}}}WorkSchedule"
    jobs = {job.findtext("b:ID", None, space): job for job in root.iterfind("b:WorkRequest/b:JobOrder", space)}
    assert set(jobs) == {"A10", "A20", "A30", "B10", "B30", "M1"}
    press = jobs["B10"]
    assert [child.tag.rpartition("}")[2] for child in press] == [
        "ID", "WorkType", "StartTime", "EndTime", "Priority", "JobOrderParameter", "PersonnelRequirement",
        "EquipmentRequirement",
    ]  # fmt: skip
    assert press.findtext("b:StartTime", None, space) == "2026-10-05T07:00:00Z"
    assert press.findtext("b:JobOrderParameter/b:Value/b:ValueString", None, space) == "2026-10-05T06:30:00Z"
    assert press.findtext("b:EquipmentRequirement/b:EquipmentID", None, space) == "press"
    assert jobs["M1"].findtext("b:WorkType", None, space) == "Maintenance"
    assert work_schedule(dispatch_of(shop(), schedule())) == text
