"""Assets of room 4: training sets, models of remaining useful life, and their scores on test units."""

from dataclasses import asdict
from typing import Any

import dagster as dg
import polars as pl

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Lake, Partition, combined_digest, sha256_file
from factory_assets.foundation.metadata import ML_TEAM, picture, table, written
from factory_assets.foundation.pools import TRAINING
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, RETRY_COSTLY, retried_if_it_may_pass
from factory_assets.foundation.settings import Site, load_thresholds
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.tracking import Tracking, TrainingRecord
from factory_assets.foundation.versions import code_version
from factory_assets.rul import checks, evaluation, network, plots, regimes, schema, training, training_set, windows

GROUP = "rul"
TRAINING_CODE = (schema, training_set, regimes, windows, network, training)


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The assets of this room for one plant; none if no fleet has a model."""
    return [rul_training_set(site), rul_model(site), rul_evaluation(site)] if site.plant.modelled_fleets else []


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
                "lives_left_out": dg.MetadataValue.json(training_set.left_out(lives)),
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
    """A BiLSTM a fleet, recorded in MLflow."""
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
        kinds={"tensorflow", "keras", "mlflow"},
        owners=ML_TEAM,
        code_version=version,
        check_specs=checks.MODEL_CHECKS,
        description=(
            "A BiLSTM that takes raw engineering units, trained on training units and stopped by validation units; "
            "parameters, curves and the model are in MLflow."
        ),
    )
    @retried_if_it_may_pass
    def _rul_model(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        digests, skill = [], {}
        for fleet in context.partition_keys:
            folder = site.home.models / fleet
            trained, run_id = _train(context, lake.get(), site, fleet, tracking=tracking, version=version)
            skill[fleet] = trained.validation["skill"]
            digests.append(sha256_file(folder / schema.MODEL_FILE))
            of_fleet: dict[str, Any] = {
                "validation": dg.MetadataValue.json(trained.validation),
                "best_epoch": trained.best_epoch,
                "parameters": int(trained.network.count_params()),
                "mlflow_run_id": run_id,
                "learning_curve": picture(plots.learning_curve(trained.history)),
                "written_to": dg.MetadataValue.path(str(folder)),
            }
            context.add_asset_metadata(of_fleet, partition_key=fleet)
        yield from settled(
            dg.MaterializeResult(
                data_version=dg.DataVersion(combined_digest(digests)),
                check_results=[checks.beats_the_mean(skill, load_thresholds().rul.skill_over_mean)],
            ),
            context=context,
        )

    return _rul_model


def _train(
    context: dg.AssetExecutionContext, lake: Lake, site: Site, fleet: str, *, tracking: Tracking, version: str
) -> tuple[training.TrainedModel, str]:
    """Train, save and record one fleet's model."""
    plant, partition, folder = site.plant, Partition(fleet), site.home.models / fleet
    rows = lake.read("rul_training_set", partition).filter(pl.col("split") != "test")
    names = schema.model_inputs(rows)
    inputs = [channel for channel in schema.candidate_inputs(plant, fleet) if channel.name in names]
    settings = plant.rul_settings(fleet)
    trained = training.train(
        rows, settings, inputs, on_epoch=lambda number, figures: context.log.info("epoch %d: %s", number, figures)
    )
    data_sha256 = sha256_file(lake.path("rul_training_set", partition))
    training.save_model(folder, trained, data_sha256=data_sha256, code_version=version)
    files = [folder / name for name in (schema.MODEL_FILE, schema.CARD_FILE, schema.SAMPLES_FILE)]
    record = TrainingRecord(
        params={**settings.model_dump(mode="json"), "inputs": ", ".join(names)},
        metrics={f"validation_{name}": value for name, value in trained.validation.items()},
        curves={name: trained.history[name].to_list() for name in ("loss", "validation_rmse_capped")},
        tags={"plant": plant.plant, "fleet": fleet, "data_sha256": data_sha256, "code_version": version},
        files=files,
    )
    run_id = tracking.log_training(f"{plant.plant}-rul", f"rul-{fleet}", record)
    (folder / schema.RUN_FILE).write_text(run_id, encoding="utf-8")
    return trained, run_id


def rul_evaluation(site: Site) -> dg.AssetsDefinition:
    """Scores on test units, with both conventions."""
    plant = site.plant

    @dg.asset(
        name="rul_evaluation",
        deps=["rul_training_set", "rul_model"],
        partitions_def=parts.modelled_fleets(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"keras", "parquet"},
        owners=ML_TEAM,
        code_version=code_version(
            evaluation, windows, settings=[plant.rul_settings(fleet) for fleet in plant.modelled_fleets]
        ),
        description=(
            "Every test unit scored once, at its last cycle: RMSE and PHM08 score, with the test truth capped and raw."
        ),
    )
    @retried_if_it_may_pass
    def _rul_evaluation(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        found = []
        for fleet in context.partition_keys:
            frame = lake.get().read("rul_training_set", Partition(fleet))
            settings = plant.rul_settings(fleet)
            run = training.load_runner(site.home.models / fleet)
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
