"""Assets of room 4: training sets, models of remaining useful life, the champion among them, and its scores."""

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from factory_assets.foundation import champions, onnx_export
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Lake, Partition, combined_digest, sha256_file
from factory_assets.foundation.metadata import ML_TEAM, picture, table, written
from factory_assets.foundation.pools import TRAINING
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, RETRY_COSTLY, retried_if_it_may_pass
from factory_assets.foundation.settings import RulThresholds, Site, load_thresholds
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.tracking import Tracking, TrainingRecord
from factory_assets.foundation.versions import code_version
from factory_assets.rul import (
    bilstm,
    champion,
    checks,
    contenders,
    contestants,
    evaluation,
    graph,
    intervals,
    losses,
    network,
    plots,
    preparation,
    promotion,
    regimes,
    saving,
    schema,
    training,
    training_set,
    trees,
    windows,
)
from factory_assets.rul.forecasts import assets as forecasts
from factory_assets.rul.forecasts import plots as forecast_plots

GROUP = "rul"
NO_TEST_UNITS = "no unit is kept for the test (rul.test_fraction: 0): the error out of fold is at rul_model"
TRAINING_CODE = (
    schema, training_set, regimes, windows, contestants, losses, trees, network, preparation, bilstm, intervals,
    training, graph, onnx_export,
)  # fmt: skip


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The assets of this room for one plant; none if no fleet has a model."""
    if not site.plant.modelled_fleets:
        return []
    return [rul_training_set(site), rul_model(site), rul_champion(site), rul_evaluation(site), *forecasts.assets(site)]


def rul_training_set(site: Site) -> dg.AssetsDefinition:
    """Operating cycles of usable lives with the true remaining life of each."""
    plant = site.plant
    all_days = parts.all_days_of_fleet(plant)

    @dg.asset(
        name="rul_training_set",
        deps=[dg.AssetDep("sensor_table", partition_mapping=all_days), "unit_life"],
        partitions_def=parts.modelled_fleets(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=ML_TEAM,
        code_version=code_version(schema, training_set, settings=[plant]),
        check_specs=checks.TRAINING_SET_CHECKS,
        description="Operating cycles of usable lives, split by unit, each with its true remaining life.",
    )
    @retried_if_it_may_pass
    def _rul_training_set(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        found, shared = [], {}
        frame = pl.DataFrame()
        for fleet in context.partition_keys:
            sensors = lake.get().read_fleet("sensor_table", fleet)
            lives = lake.get().read("unit_life", Partition(fleet))
            frame = training_set.build_training_set(sensors, lives, plant, fleet)
            shared[fleet] = training_set.shared_units(frame)
            of_fleet = {
                "splits": table(training_set.summary(frame)),
                "lives_left_out": dg.MetadataValue.json(training_set.left_out(lives, plant, fleet)),
                "inputs": ", ".join(schema.model_inputs(frame)),
            }
            context.add_asset_metadata(of_fleet, partition_key=fleet)
            found.append(lake.get().write("rul_training_set", frame, Partition(fleet)))
        metadata, version = written(found, frame.schema, schema.TRAINING_SET_COLUMNS)
        yield from settled(
            dg.MaterializeResult(
                metadata=metadata, data_version=version, check_results=[checks.splits_share_no_unit(shared)]
            ),
            context=context,
        )

    return _rul_training_set


def rul_model(site: Site) -> dg.AssetsDefinition:
    """The challenger of each fleet: the best of its contestants, recorded in MLflow."""
    plant = site.plant
    version = code_version(*TRAINING_CODE, settings=[plant.rul_settings(fleet) for fleet in plant.modelled_fleets])
    tracking = Tracking(uri=site.home.mlflow_uri, artifacts=site.home.mlflow_artifacts)

    @dg.asset(
        name="rul_model",
        deps=["rul_training_set"],
        partitions_def=parts.modelled_fleets(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY_COSTLY,
        pool=TRAINING,
        group_name=GROUP,
        kinds={"tensorflow", "lightgbm", "onnx", "mlflow"},
        owners=ML_TEAM,
        code_version=version,
        check_specs=checks.MODEL_CHECKS,
        description=(
            "The challenger: boosted trees, a BiLSTM and their ensemble are trained in unit folds; the best of them "
            "out of fold is calibrated and written as one ONNX graph that takes raw engineering units. Figures, curves "
            "and the model are in MLflow."
        ),
    )
    @retried_if_it_may_pass
    def _rul_model(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        digests, skill, nodes, differences = [], {}, {}, {}
        for fleet in context.partition_keys:
            folder = site.home.models / fleet
            trained, facts, run_id = _train(context, lake.get(), site, fleet, tracking=tracking, version=version)
            skill[fleet], nodes[fleet] = trained.skill, dict(facts.nodes)
            differences[fleet] = champion.measured(folder).parity_cycles
            digests.append(contenders.digest(folder))
            of_fleet: dict[str, Any] = {
                "contestant": trained.contestant,
                "weights": dg.MetadataValue.json(dict(trained.weights)),
                "out_of_fold": dg.MetadataValue.json({name: dict(of) for name, of in trained.figures.items()}),
                "coverage_90": trained.coverage["90"].coverage,
                "width_90_cycles": trained.coverage["90"].mean_width_cycles,
                "coverage_by_band": picture(forecast_plots.coverage_by_band(trained.coverage)),
                "bytes": facts.bytes,
                "nodes": dg.MetadataValue.json(nodes[fleet]),
                "mlflow_run_id": run_id,
                "written_to": dg.MetadataValue.path(str(folder)),
            }
            context.add_asset_metadata(of_fleet, partition_key=fleet)
        thresholds = load_thresholds().rul
        yield from settled(
            dg.MaterializeResult(
                data_version=dg.DataVersion(combined_digest(digests)),
                check_results=[
                    checks.beats_the_mean(skill, thresholds.skill_over_mean),
                    checks.no_loops(nodes),
                    checks.parity(differences, thresholds.parity_cycles),
                ],
            ),
            context=context,
        )

    return _rul_model


def _train(
    context: dg.AssetExecutionContext, lake: Lake, site: Site, fleet: str, *, tracking: Tracking, version: str
) -> tuple[training.TrainedModel, onnx_export.OnnxFacts, str]:
    """Train, save and record one fleet's challenger."""
    plant, partition, folder = site.plant, Partition(fleet), site.home.models / fleet
    rows = lake.read("rul_training_set", partition).filter(pl.col("split") != "test")
    names = schema.model_inputs(rows)
    inputs = [channel for channel in schema.candidate_inputs(plant, fleet) if channel.name in names]
    settings = plant.rul_settings(fleet)
    trained = training.train(rows, settings, inputs, on_progress=lambda told: context.log.info("%s: %s", fleet, told))
    data_sha256 = sha256_file(lake.path("rul_training_set", partition))
    facts = saving.save_model(folder, trained, data_sha256=data_sha256, code_version=version)
    files = [folder / name for name in (schema.GRAPH_FILE, schema.CARD_FILE, schema.OUT_OF_FOLD_FILE)]
    record = TrainingRecord(
        params={**settings.model_dump(mode="json"), "inputs": ", ".join(names), "contestant": trained.contestant},
        metrics=_metrics(trained),
        curves=trained.curves,
        tags={"plant": plant.plant, "fleet": fleet, "data_sha256": data_sha256, "code_version": version},
        files=files,
    )
    run_id = tracking.log_training(f"{plant.plant}-rul", champion.registered_name(fleet), record)
    (folder / schema.RUN_FILE).write_text(run_id, encoding="utf-8")
    return trained, facts, run_id


def _metrics(trained: training.TrainedModel) -> dict[str, float]:
    """Figures of a training by name, for MLflow: those out of fold of each contestant, and of the intervals."""
    out_of_fold = {f"{name}_{figure}": value for name, of in trained.figures.items() for figure, value in of.items()}
    coverage = {f"coverage_{level}": of.coverage for level, of in trained.coverage.items()}
    width = {f"width_{level}_cycles": of.mean_width_cycles for level, of in trained.coverage.items()}
    return {**out_of_fold, **coverage, **width, "skill": trained.skill}


def rul_champion(site: Site) -> dg.AssetsDefinition:
    """The model of each fleet that forecasts and is released."""
    plant = site.plant
    tracking = Tracking(uri=site.home.mlflow_uri, artifacts=site.home.mlflow_artifacts)
    thresholds = load_thresholds().rul

    @dg.asset(
        name="rul_champion",
        deps=["rul_model", "rul_training_set"],
        partitions_def=parts.modelled_fleets(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"onnx", "mlflow"},
        owners=ML_TEAM,
        code_version=code_version(champion, promotion, contenders, settings=[thresholds]),
        check_specs=checks.CHAMPION_CHECKS,
        description=(
            "A challenger becomes champion if it wins out of fold by more than the noise (paired bootstrap over "
            "units), and keeps coverage and parity; where the plant file asks for it, a person approves. Every "
            "decision leaves a record, MLflow's aliases follow, and only champions forecast and are released."
        ),
    )
    @retried_if_it_may_pass
    def _rul_champion(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        promises, digests = {}, []
        for fleet in context.partition_keys:
            rows = lake.get().read("rul_training_set", Partition(fleet)).filter(pl.col("split") != "test")
            decision = _decide(site, fleet, rows, thresholds)
            rivals = champion.rivals_of(site.home, fleet)
            if decision.outcome is champion.Outcome.PROMOTED:
                champion.crown(rivals, decision)
            champions.record(champion.record_of(site.home, fleet), decision.as_json())
            tracking.align(champion.registered_name(fleet), champions.run_ids(rivals))
            promises[fleet] = champion.promises(rivals.champion, thresholds, _measured(rivals.champion))
            digests.append(contenders.digest(rivals.champion))
            of_fleet = {
                "outcome": decision.outcome.value,
                "reason": decision.reason,
                "decision": dg.MetadataValue.json(decision.as_json()),
                "written_to": dg.MetadataValue.path(str(rivals.champion)),
            }
            context.add_asset_metadata(of_fleet, partition_key=fleet)
        waiting = champion.waiting_fleets(site.home, context.partition_keys)
        yield from settled(
            dg.MaterializeResult(
                data_version=dg.DataVersion(combined_digest(digests)),
                check_results=[
                    checks.champion_keeps_its_promises(promises, waiting),
                    checks.challenger_waits(waiting),
                ],
            ),
            context=context,
        )

    return _rul_champion


def _decide(site: Site, fleet: str, rows: pl.DataFrame, thresholds: RulThresholds) -> champion.Decision:
    """Judge a fleet's challenger against its champion, on the training rows that there are now."""
    rivals = champion.rivals_of(site.home, fleet)

    def foretell(asked: pl.DataFrame) -> Any:
        card = saving.load_card(rivals.champion)
        saving.check_channels(card, schema.model_inputs(rows), fleet)
        return evaluation.predict_rows(saving.load_runner(rivals.champion), rows, asked, card.window_cycles)

    return champion.decide(
        rivals,
        fleet=fleet,
        approval=site.plant.rul_settings(fleet).approval,
        thresholds=thresholds,
        evidence=champion.measured(rivals.challenger),
        history=champions.decisions(champion.record_of(site.home, fleet)),
        now=dt.datetime.now(dt.UTC),
        foretell=foretell,
        champion_evidence=_measured(rivals.champion),
    )


def _measured(folder: Path) -> promotion.Evidence | None:
    return champion.measured(folder) if folder.is_dir() else None


def rul_evaluation(site: Site) -> dg.AssetsDefinition:
    """Scores of the champion on test units, with both conventions."""
    plant = site.plant

    @dg.asset(
        name="rul_evaluation",
        deps=["rul_training_set", "rul_champion"],
        partitions_def=parts.modelled_fleets(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"onnx", "parquet"},
        owners=ML_TEAM,
        code_version=code_version(
            evaluation, windows, settings=[plant.rul_settings(fleet) for fleet in plant.modelled_fleets]
        ),
        description=(
            "Every test unit scored once, at its last cycle: RMSE and PHM08 score, with the test truth capped and raw; "
            "how often the intervals held the truth; and the error over whole lives."
        ),
    )
    @retried_if_it_may_pass
    def _rul_evaluation(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        found = []
        for fleet in context.partition_keys:
            frame = lake.get().read("rul_training_set", Partition(fleet))
            if frame.filter(split="test").is_empty():
                nothing = pl.DataFrame(schema=schema.RUL_EVALUATION)
                found.append(lake.get().write("rul_evaluation", nothing, Partition(fleet)))
                context.add_asset_metadata({"units": 0, "note": NO_TEST_UNITS}, partition_key=fleet)
                continue
            folder = site.home.champions / fleet
            card = saving.load_card(folder)
            saving.check_channels(card, schema.model_inputs(frame), fleet)
            # The plant file may ask for another window by now; the champion has its own.
            own = {"window_cycles": card.window_cycles, "cap_cycles": card.cap_cycles}
            settings = plant.rul_settings(fleet).model_copy(update=own)
            run = saving.load_runner(folder)
            scored = evaluation.evaluate(run, frame, settings)
            predictions = pl.DataFrame(scored.predictions)
            lake.get().write("rul_prediction", predictions, Partition(fleet))
            found.append(lake.get().write("rul_evaluation", scored.figures, Partition(fleet)))
            of_fleet: dict[str, Any] = {
                **{name: value for name, value in asdict(scored).items() if name != "predictions"},
                "predictions": table(predictions),
                "predicted_and_true": picture(plots.predicted_and_true(predictions, cap_cycles=settings.cap_cycles)),
                "whole_lives": picture(plots.whole_lives(run, frame, settings)),
            }
            context.add_asset_metadata(of_fleet, partition_key=fleet)
        metadata, version = written(found, schema.RUL_EVALUATION, schema.RUL_EVALUATION_COLUMNS)
        return dg.MaterializeResult(metadata=metadata, data_version=version)

    return _rul_evaluation
