"""Assets of room 5: labelled images, training sets, models that inspect, and their scores on test images."""

import datetime as dt
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import polars as pl

from edge_runtime.inspection import decoding, fitting, headers
from factory_assets.foundation import champions, products
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Lake, Partition, combined_digest, sha256_file
from factory_assets.foundation.metadata import DATA_TEAM, ML_TEAM, picture, table, written
from factory_assets.foundation.pools import TRAINING
from factory_assets.foundation.products import Product
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, RETRY_COSTLY, retried_if_it_may_pass
from factory_assets.foundation.settings import Site, load_thresholds
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.tracking import Tracking, TrainingRecord
from factory_assets.foundation.versions import code_version
from factory_assets.inspection import (
    champion,
    checks,
    evaluation,
    figures,
    image_store,
    leaks,
    loading,
    manifest,
    plots,
    promotion,
    quality,
    reports,
    saving,
    schema,
    splits,
    thresholds,
    training,
)
from factory_assets.inspection.results import assets as results

GROUP = "inspection"
SOURCE = "image_source"
JUDGING_CODE = (image_store, manifest, quality, decoding, headers)
# By name: what these import is heavy.
METHODS = (
    "anomaly",
    "augmentation",
    "box_figures",
    "classification",
    "classifier_network",
    "crops",
    "defect_network",
    "defect_training",
    "golden_tuning",
    "segmentation",
    "synthetic_defects",
)
TRAINING_CODE: tuple[ModuleType | str, ...] = (
    *(schema, loading, decoding, fitting, thresholds, training, saving),
    *(f"factory_assets.inspection.{name}" for name in METHODS),
    "edge_runtime.inspection.golden_image",
    "edge_runtime.inspection.registration",
)


def assets(site: Site) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of this room for one plant; none if it inspects no product."""
    if not site.plant.products:
        return []
    return [
        image_source(site),
        inspection_image(site),
        inspection_training_set(site),
        inspection_model(site),
        inspection_evaluation(site),
        inspection_champion(site),
        *results.assets(site),
    ]


def image_source(site: Site) -> dg.AssetSpec:
    """Where images come from; `factory materialize` reports what is there."""
    folders = {product.name: product.images.folder for product in site.plant.products}
    rendered = ["part_images"] if site.plant.simulator else []
    return dg.AssetSpec(
        SOURCE,
        deps=rendered,
        group_name=GROUP,
        partitions_def=parts.products(site.plant),
        kinds={"file"},
        owners=DATA_TEAM,
        description="Labelled images: " + "; ".join(f"{name} from `{folder}`" for name, folder in folders.items()),
    )


def inspection_image(site: Site) -> dg.AssetsDefinition:
    """Every image that a manifest names, judged."""

    @dg.asset(
        name="inspection_image",
        deps=[SOURCE],
        partitions_def=parts.products(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"opencv", "parquet"},
        owners=DATA_TEAM,
        code_version=code_version(*JUDGING_CODE, settings=[_of_images(product) for product in site.plant.products]),
        check_specs=checks.IMAGE_CHECKS,
        description="One row an image of the manifest: accepted, or set aside with the reason.",
    )
    @retried_if_it_may_pass
    def _inspection_image(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        found, judged, rows = [], {}, {}
        for name in context.partition_keys:
            product = site.plant.product(name)
            with image_store.open_store(site.folder(product.images.folder)) as store:
                named = manifest.read_manifest(store, product.images, ok_label=product.ok_label)
                judged[name] = quality.judge(store, named, product)
            rows[name] = named.height
            found.append(lake.get().write("inspection_image", judged[name], Partition(name)))
            of_product = {"images": table(quality.summary(judged[name]))}
            context.add_asset_metadata(of_product, partition_key=name)
        metadata, version = written(found, judged[name].schema, quality.COLUMNS)
        largest = load_thresholds().inspection.quarantined_share
        results = [*checks.of_reasons(judged), checks.enough_is_accepted(judged, rows, largest)]
        yield from settled(
            dg.MaterializeResult(metadata=metadata, data_version=version, check_results=results), context=context
        )

    return _inspection_image


def _of_images(product: Product) -> dict[str, Any]:
    """What judging images depends on: not how models are trained."""
    return product.model_dump(mode="json", include={"name", "images", "method", "ok_label", "input"})


def inspection_training_set(site: Site) -> dg.AssetsDefinition:
    """Accepted images, each in one split."""

    @dg.asset(
        name="inspection_training_set",
        deps=["inspection_image"],
        partitions_def=parts.products(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"opencv", "parquet"},
        owners=ML_TEAM,
        code_version=code_version(splits, leaks, loading, decoding, settings=[*site.plant.products]),
        check_specs=checks.TRAINING_SET_CHECKS,
        description=(
            "Accepted images in training, validation and test. Groups (photographs of one part) are never cut, and a "
            "leak guard refuses a split in which images have near copies on the other side."
        ),
    )
    @retried_if_it_may_pass
    def _inspection_training_set(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        found, near, shared = [], {}, {}
        frame = pl.DataFrame()
        for name in context.partition_keys:
            product = site.plant.product(name)
            accepted = lake.get().read("inspection_image", Partition(name), where=pl.col("status") == "accepted")
            with image_store.open_store(site.folder(product.images.folder)) as store:
                grouped, thumbnails = loading.grouped(store, accepted)
            frame = splits.assign(grouped, product)
            near[name] = loading.guard(frame, thumbnails, product)
            shared[name] = splits.shared_groups(frame)
            of_product = {"splits": table(splits.summary(frame))}
            context.add_asset_metadata(of_product, partition_key=name)
            found.append(lake.get().write("inspection_training_set", frame, Partition(name)))
        metadata, version = written(found, frame.schema, quality.COLUMNS)
        bound = load_thresholds().inspection.near_copies_share
        yield from settled(
            dg.MaterializeResult(
                metadata=metadata,
                data_version=version,
                check_results=[checks.no_leak(near, shared, bound), checks.copies_can_be_told(near)],
            ),
            context=context,
        )

    return _inspection_training_set


def inspection_model(site: Site) -> dg.AssetsDefinition:
    """A model a product, recorded in MLflow."""
    version = code_version(*TRAINING_CODE, settings=[*site.plant.products])
    tracking = Tracking(uri=site.home.mlflow_uri, artifacts=site.home.mlflow_artifacts)

    @dg.asset(
        name="inspection_model",
        deps=["inspection_training_set"],
        partitions_def=parts.products(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY_COSTLY,
        pool=TRAINING,
        group_name=GROUP,
        kinds={"tensorflow", "keras", "mlflow"},
        owners=ML_TEAM,
        code_version=version,
        check_specs=checks.MODEL_CHECKS,
        description=(
            "The product's way of inspecting: a network that takes raw pixels, trained on training images, or a "
            "comparison with golden images. Every choice and the threshold are settled on validation images."
        ),
    )
    @retried_if_it_may_pass
    def _inspection_model(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        digests, chance = [], {}
        for name in context.partition_keys:
            folder = site.home.models / name
            trained, run_id = _train(context, lake.get(), site, name, tracking=tracking, version=version)
            chance[name] = reports.against_chance(trained)
            digests.append(saving.digest(folder))
            of_product: dict[str, Any] = {
                **reports.of_training(trained),
                "mlflow_run_id": run_id,
                "written_to": dg.MetadataValue.path(str(folder)),
            }
            shown = {key: picture(png) for key, png in reports.training_plots(trained).items()}
            context.add_asset_metadata({**of_product, **shown}, partition_key=name)
        yield from settled(
            dg.MaterializeResult(
                data_version=dg.DataVersion(combined_digest(digests)), check_results=[checks.beats_chance(chance)]
            ),
            context=context,
        )

    return _inspection_model


def _train(
    context: dg.AssetExecutionContext, lake: Lake, site: Site, name: str, *, tracking: Tracking, version: str
) -> tuple[training.TrainedInspection, str]:
    """Train, save and record one product's model."""
    product, folder = site.plant.product(name), site.home.models / name
    frame = lake.read("inspection_training_set", Partition(name))
    with image_store.open_store(site.folder(product.images.folder)) as store:
        learnt, validated = (loading.load(store, frame, product, split=split) for split in ("train", "validation"))
    trained = training.train(
        product,
        learnt,
        validated,
        boxes=loading.boxes_of(frame, "train", product),
        backbone=_backbone(site, product),
        on_epoch=lambda number, told: context.log.info("epoch %d: %s", number, told),
    )
    data_sha256 = sha256_file(lake.path("inspection_training_set", Partition(name)))
    saving.save_model(folder, product, trained, learnt, validated, data_sha256=data_sha256, code_version=version)
    record = TrainingRecord(
        params=product.model_dump(mode="json", exclude={"title", "line"}),
        metrics={f"validation_{key}": value for key, value in trained.figures.headline().items() if value is not None},
        curves={key: trained.history[key].to_list() for key in trained.history.columns if key != "epoch"},
        tags={"plant": site.plant.plant, "product": name, "data_sha256": data_sha256, "code_version": version},
        files=[folder / file for file in saving.files(folder)],
    )
    run_id = tracking.log_training(f"{site.plant.plant}-inspection", f"inspection-{name}", record)
    (folder / schema.RUN_FILE).write_text(run_id, encoding="utf-8")
    return trained, run_id


def _backbone(site: Site, product: Product) -> Path | None:
    return None if product.backbone is None else site.folder(product.backbone)


def inspection_evaluation(site: Site) -> dg.AssetsDefinition:
    """Scores on test images."""

    @dg.asset(
        name="inspection_evaluation",
        deps=["inspection_training_set", "inspection_model"],
        partitions_def=parts.products(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"keras", "parquet"},
        owners=ML_TEAM,
        code_version=code_version(evaluation, figures, plots, reports, loading, decoding, fitting, products),
        description=(
            "Every test image scored once: confusion, ROC, recall at 5 % false reject with its interval, the worst "
            "mistakes, and heat maps over the parts."
        ),
    )
    @retried_if_it_may_pass
    def _inspection_evaluation(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        found = []
        for name in context.partition_keys:
            product, card = site.plant.product(name), saving.load_card(site.home.models / name)
            frame = lake.get().read("inspection_training_set", Partition(name))
            with image_store.open_store(site.folder(product.images.folder)) as store:
                images = loading.load(store, frame, product, split="test")
            outputs = saving.load_scorer(site.home.models / name)(images)
            scored = training.scored_images(images, outputs, card.threshold)
            scores = evaluation.evaluate(scored, product.costs)
            lake.get().write("inspection_test_score", scored.frame(), Partition(name))
            row = reports.evaluation_row(name, card.method, scores)
            found.append(lake.get().write("inspection_evaluation", row, Partition(name)))
            shown = {key: picture(png) for key, png in reports.test_plots(images, outputs, scored, scores).items()}
            context.add_asset_metadata({**reports.of_test(scores), **shown}, partition_key=name)
        metadata, version = written(found, schema.INSPECTION_EVALUATION, schema.INSPECTION_EVALUATION_COLUMNS)
        return dg.MaterializeResult(metadata=metadata, data_version=version)

    return _inspection_evaluation


def inspection_champion(site: Site) -> dg.AssetsDefinition:
    """The model of each product that is released."""
    tracking = Tracking(uri=site.home.mlflow_uri, artifacts=site.home.mlflow_artifacts)

    @dg.asset(
        name="inspection_champion",
        deps=["inspection_model", "inspection_training_set"],
        partitions_def=parts.products(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"keras", "mlflow"},
        owners=ML_TEAM,
        code_version=code_version(champion, champions, promotion, settings=[*site.plant.products]),
        description=(
            "A challenger becomes champion where it is better than the champion on the same validation images. "
            "MLflow's alias says which model it is, every decision leaves a record, and only champions are released."
        ),
    )
    @retried_if_it_may_pass
    def _inspection_champion(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        digests = []
        for name in context.partition_keys:
            product = site.plant.product(name)
            frame = lake.get().read("inspection_training_set", Partition(name))
            with image_store.open_store(site.folder(product.images.folder)) as store:
                images = loading.load(store, frame, product, split="validation")
            rivals = champion.Rivals(site.home.models / name, site.home.champions / name)
            decision = champion.decide(rivals, images, product, now=dt.datetime.now(dt.UTC))
            if decision.promote:
                run_id = champion.crown(rivals)
                tracking.promote(f"inspection-{name}", run_id, decision.reason)
            champion.record(site.home.root / "decisions" / f"inspection-{name}.jsonl", decision)
            digests.append(saving.digest(rivals.champion))
            of_product = {
                "promoted": decision.promote,
                "reason": decision.reason,
                "decision": dg.MetadataValue.json(decision.as_json()),
                "written_to": dg.MetadataValue.path(str(rivals.champion)),
            }
            context.add_asset_metadata(of_product, partition_key=name)
        return dg.MaterializeResult(data_version=dg.DataVersion(combined_digest(digests)))

    return _inspection_champion
