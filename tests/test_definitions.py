"""The code location as its users see it: keys, groups in the order of the data, owners, checks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from factory_assets.definitions import build_defs
from factory_assets.foundation.pools import COMPILATION, RELEASE, TRAINING
from factory_assets.foundation.settings import PROJECT_ROOT, Settings, Site, load_site
from tests.plants import make_site

EXPECTED = {
    "reference_plant": {"reference_plant", "part_images", "reference_erp"},
    "historian": {"historian_source", "historian_extract", "channel_catalogue"},
    "telemetry": {"clean_reading", "quarantined_reading", "cleaning_ledger", "sensor_table", "unit_life"},
    "rul": {"rul_training_set", "rul_model", "rul_champion", "rul_evaluation", "rul_forecast"},
    "inspection": {
        "image_source", "inspection_image", "inspection_training_set", "inspection_model", "inspection_evaluation",
        "inspection_champion", "station_results", "inspection_verdict",
    },
    "engines": {
        "rul_bundle", "inspection_onnx", "inspection_bundle", "engine_release", "release_timestamp",
    },
    "planning": {
        "erp", "order_book", "operation_report", "maintenance_window", "daily_schedule", "dispatch_list",
    },
}  # fmt: skip
OF_PLANNING = {"reference_erp", *EXPECTED["planning"]}
OF_PRODUCTS = {"part_images", "inspection_onnx", "inspection_bundle", *EXPECTED["inspection"]}
MARTS = {"machine_health_day", "channel_coverage", "failure_history"}
MARTS_OF_PRODUCTS = {"inspection_yield_day", "inspection_defect_pareto"}
MARTS_OF_PLANNING = {"schedule_adherence", "schedule_adherence_day", "planning_calendar"}
BLOCKING = {
    ("historian_extract", "contract"),
    ("historian_extract", "segments_lose_no_reading"),
    ("historian_extract", "extracts_hold_their_segments"),
    ("clean_reading", "contract"),
    ("clean_reading", "readings_are_conserved"),
    ("sensor_table", "contract"),
    ("unit_life", "contract"),
    ("rul_training_set", "splits_share_no_unit"),
    ("rul_model", "beats_the_mean"),
    ("rul_model", "no_loops"),
    ("rul_model", "parity"),
    ("rul_champion", "champion_keeps_its_promises"),
    ("rul_bundle", "golden_samples"),
    ("engine_release", "verifies_at_the_edge"),
}
BLOCKING_OF_PRODUCTS = {
    ("inspection_image", "enough_is_accepted"),
    ("inspection_training_set", "no_leak"),
    ("inspection_model", "beats_chance"),
    ("inspection_verdict", "contract"),
    ("inspection_verdict", "verdicts_are_conserved"),
    ("inspection_onnx", "clean_nodes"),
    ("inspection_bundle", "parity_certificate"),
    ("inspection_bundle", "golden_samples"),
}


def site_of(name: str, home: Path) -> Site:
    return load_site(Settings(plant=PROJECT_ROOT / "configs" / "plants" / f"{name}.yaml", home=home))


@pytest.fixture(scope="module", params=["reference", "turbofan"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site_of(request.param, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def defs(site: Site) -> dg.Definitions:
    return build_defs(site)


def test_the_code_location_loads(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_asset_stands_in_its_room(site: Site, defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    groups: dict[str, set[str]] = {}
    for node in graph.asset_nodes:
        groups.setdefault(node.group_name or "", set()).add(node.key.to_user_string())
    warehouse = groups.pop("warehouse")
    assert warehouse >= MARTS
    assert warehouse & MARTS_OF_PRODUCTS == (MARTS_OF_PRODUCTS if site.plant.products else set())
    assert warehouse & MARTS_OF_PLANNING == (MARTS_OF_PLANNING if site.plant.planning else set())
    left_out = set() if site.plant.products else OF_PRODUCTS
    left_out |= set() if site.plant.planning else OF_PLANNING
    left_out |= set() if site.plant.simulator else EXPECTED["reference_plant"]
    expected = {room: keys - left_out for room, keys in EXPECTED.items()}
    assert groups == {room: keys for room, keys in expected.items() if keys}


def test_every_dependency_is_an_asset_that_exists(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    known = {node.key for node in graph.asset_nodes}
    stubs = {parent for node in graph.asset_nodes for parent in node.parent_keys} - known
    assert not stubs
    nameless = {key for key in known if graph.get(key).group_name == "default"}
    assert not nameless


def test_every_asset_has_an_owner_a_kind_and_a_description(defs: dg.Definitions) -> None:
    for node in defs.resolve_asset_graph().asset_nodes:
        name = node.key.to_user_string()
        assert node.owners, name
        assert node.kinds, name
        assert node.description, name


def test_what_decides_whether_the_edge_is_safe_blocks(site: Site, defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    blocking = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking >= BLOCKING | (BLOCKING_OF_PRODUCTS if site.plant.products else set())
    assert (("daily_schedule", "keeps_to_everything") in blocking) == bool(site.plant.planning)


def test_jobs_schedules_and_sensors(site: Site, defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    of_fleets = {"readings", "models", "forecasts", "marts"}
    assert of_fleets | {"release", "timestamp", "retention"} <= set(repository.job_names)
    of_products = {"inspection", "verdicts"} if site.plant.products else set()
    assert {"inspection", "verdicts"} & set(repository.job_names) == of_products
    sensors = {sensor.name for sensor in repository.sensor_defs}
    schedules = {schedule.name for schedule in repository.schedule_defs}
    of_all = {"alert_on_failure", "alert_on_warning"}
    of_all |= {"new_inspection_results"} if site.plant.products else set()
    of_all |= {"floor_changes"} if site.plant.planning else set()
    assert sensors == of_all | ({"new_historian_segments", "alert_on_lost_freshness"} if site.plant.running else set())
    daily = {"daily_marts", "daily_forecasts", "daily_simulation"} if site.plant.running else set()
    daily |= {"daily_plan", "simulated_floor"} if site.plant.planning else set()
    assert schedules == daily | {"daily_timestamp", "weekly_retention"}


def test_what_runs_by_itself_is_on_from_the_start(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    off = [s.name for s in repository.schedule_defs if s.default_status is not dg.DefaultScheduleStatus.RUNNING]
    off += [s.name for s in repository.sensor_defs if s.default_status is not dg.DefaultSensorStatus.RUNNING]
    assert off == []


def test_costly_work_has_a_pool_and_passing_errors_are_retried(site: Site, defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    pools = {node.key.to_user_string(): node.pools for node in graph.asset_nodes if node.pools}
    expected = {"rul_model": {TRAINING}, "rul_bundle": {COMPILATION}}
    expected |= {"engine_release": {RELEASE}, "release_timestamp": {RELEASE}}
    if site.plant.products:
        expected |= {"inspection_model": {TRAINING}, "inspection_bundle": {COMPILATION}}
    assert {name: pools.get(name) for name in expected} == expected
    for node in graph.asset_nodes:
        if (
            node.group_name in ("reference_plant", "rul", "inspection", "engines", "planning")
            and node.is_materializable
        ):
            assert node.assets_def.op.retry_policy is not None, node.key


def test_freshness_is_expected_of_a_running_plant_alone(site: Site, defs: dg.Definitions) -> None:
    nodes = defs.resolve_asset_graph().asset_nodes
    expected = {node.key.to_user_string() for node in nodes if node.freshness_policy_or_from_metadata is not None}
    assert ("release_timestamp" in expected) is site.plant.running
    assert site.plant.running or not expected


def test_the_timestamp_is_signed_every_day_once_there_is_a_release(site: Site, defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    at = dt.datetime(2026, 9, 9, 2, 30, tzinfo=dt.UTC)

    def tick() -> list[str | None]:
        context = dg.build_schedule_context(repository_def=repository, scheduled_execution_time=at)
        requests = repository.get_schedule_def("daily_timestamp").evaluate_tick(context).run_requests or []
        return [request.run_key for request in requests]

    assert tick() == []
    timestamp = site.home.releases / "metadata" / "timestamp.json"
    timestamp.parent.mkdir(parents=True)
    timestamp.touch()
    assert tick() == ["timestamp 2026-09-09"]


@pytest.mark.parametrize(
    ("begins", "at", "planned"),
    [
        ("06:00", dt.datetime(2026, 9, 9, 3, 0, tzinfo=dt.UTC), "2026-09-09"),  # 5 o'clock in Berlin
        ("00:30", dt.datetime(2026, 9, 8, 21, 30, tzinfo=dt.UTC), "2026-09-09"),  # half past 11 the evening before
    ],
)
def test_a_day_is_planned_an_hour_before_it_begins(tmp_path: Path, begins: str, at: dt.datetime, planned: str) -> None:
    site = make_site(tmp_path, planning={"timezone": "Europe/Berlin", "day_begins": begins})
    repository = build_defs(site).get_repository_def()
    schedule = repository.get_schedule_def("daily_plan")
    local = at.astimezone(ZoneInfo("Europe/Berlin"))
    assert schedule.cron_schedule == f"{local.minute} {local.hour} * * *"
    assert schedule.execution_timezone == "Europe/Berlin"
    context = dg.build_schedule_context(repository_def=repository, scheduled_execution_time=at)
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == planned


def test_units_are_forecast_every_night_once_their_fleet_has_a_champion(tmp_path: Path) -> None:
    site = site_of("reference", tmp_path)
    repository = build_defs(site).get_repository_def()
    at = dt.datetime(2026, 9, 9, 1, 30, tzinfo=dt.UTC)

    def tick() -> list[str | None]:
        context = dg.build_schedule_context(repository_def=repository, scheduled_execution_time=at)
        requests = repository.get_schedule_def("daily_forecasts").evaluate_tick(context).run_requests or []
        return [request.partition_key for request in requests]

    assert tick() == []
    (site.home.champions / "press").mkdir(parents=True)
    assert tick() == ["2026-09-08|press"]


def test_the_daily_marts_ask_for_every_fleet(tmp_path: Path) -> None:
    defs = build_defs(site_of("reference", tmp_path))
    repository = defs.get_repository_def()
    schedule = repository.get_schedule_def("daily_marts")
    context = dg.build_schedule_context(
        instance=dg.DagsterInstance.ephemeral(),
        repository_def=repository,
        scheduled_execution_time=dt.datetime(2026, 9, 9, tzinfo=dt.UTC),
    )
    requests = schedule.evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in requests] == ["press", "spindle", None]
