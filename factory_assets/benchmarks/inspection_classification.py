"""Which defect: accuracy on steel strip that was not trained on, what training costs, and parity of its graphs."""

from __future__ import annotations

from collections.abc import Sequence

from factory_assets.benchmarks import image_sets
from factory_assets.benchmarks.inspection_runs import (
    SeedRun,
    by_label,
    fault_notes,
    mean,
    parity_details,
    parity_figures,
    shown,
    trained_with,
    value,
)
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.inspection.figures import share
from factory_assets.inspection.labelled import LabelledImages

NAME = "inspection_classification"
TITLE = "Six kinds of defects on hot-rolled steel, trained from random weights."
SET = "neu_steel"
ACCURACY, CPU_MINUTES = Goal(least=0.985), Goal(most=10)
NOTES = (
    "The split is the set's own: groups of like images are never cut.",
    "Epoch and temperature are settled on validation images, cut from the training part.",
    "The test images are scored once a seed.",
    "The interval of the mean is Wilson's for one pass over the test images: seeds share them, so they are no more.",
)


def run(options: Options) -> Report:
    """Train with each seed, and score the test images."""
    images = image_sets.prepared(SET, options)
    if images is None:
        return image_sets.not_measured(NAME, TITLE, SET)
    runs = [trained_with(seed, images, options.folder, with_parity=True) for seed in image_sets.seeds(options)]
    return _report(runs, images.test, images.about())


def _report(runs: Sequence[SeedRun], test: LabelledImages, about: str) -> Report:
    accuracies = [value(run.test.accuracy) for run in runs]
    averaged = share(round(mean(accuracies) * len(test)), len(test))
    of_all = f"{about}; 95 % interval of the mean {shown(averaged)}"
    return Report(
        name=NAME,
        title=TITLE,
        figures=[
            Figure(f"test accuracy, mean of {len(runs)} seeds", mean(accuracies), None, None, ACCURACY, of_all),
            Figure("test accuracy, lowest seed", min(accuracies), held_equal=of_all),
            Figure(
                "training, CPU minutes, dearest seed", max(run.cpu_minutes for run in runs), None, None, CPU_MINUTES,
                "choices on validation images included",
            ),
            *parity_figures(runs, test),
        ],
        details=[
            _by_seed(runs), by_label(runs, "recall", title="By label", told="recall, seed by seed"),
            parity_details(runs),
        ],
        notes=[*NOTES, *fault_notes(runs)],
    )  # fmt: skip


def _by_seed(runs: Sequence[SeedRun]) -> Details:
    rows = [
        [
            str(run.seed), shown(run.test.accuracy), shown(run.validation.accuracy),
            f"{run.best_epoch} of {run.epochs}", f"{run.cpu_minutes:.1f}",
        ]
        for run in runs
    ]  # fmt: skip
    columns = ["seed", "test accuracy (Wilson, 95 %)", "validation accuracy", "epoch kept", "CPU minutes"]
    return Details("By seed", columns, rows)
