"""Running an experiment: each variant on each split, pre-trained, trained and tested; finished splits are kept.

FOLDER/NETWORK/VARIANT/pretraining/       the run on rendered plates, one for all splits
FOLDER/NETWORK/VARIANT/SPLIT/training/    the run on real crops; its checkpoint is the network that is tested
FOLDER/NETWORK/VARIANT/SPLIT/plates.csv   every plate: label, reading, confidence
FOLDER/NETWORK/VARIANT/SPLIT/result.json  the outcome; written last

Of several processes, started by ``torchrun``, all train together. The first one alone decides what is finished, tests and
writes; the others wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.experiments.crops import QUICK_TEST, evenly
from edgelpr.benchmarks.experiments.outcome import RESULT_FILE, Outcome, read_outcome
from edgelpr.benchmarks.experiments.published import published_accuracy
from edgelpr.benchmarks.experiments.reading import NetworkReader
from edgelpr.benchmarks.experiments.recipes import PaperRecipe, Variant
from edgelpr.benchmarks.machine import describe_machine
from edgelpr.benchmarks.results import write_result
from edgelpr.bundle.files import hash_file
from edgelpr.data.digest import data_sha256
from edgelpr.data.folds import Fold
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.plates.loading import load_plate_format
from edgelpr.training.config import TrainingConfig
from edgelpr.training.distributed import Group, join
from edgelpr.training.evaluation import evaluate
from edgelpr.training.feeding import check_shares
from edgelpr.training.initialising import write_initial_checkpoint
from edgelpr.training.leading import led
from edgelpr.training.loop import train
from edgelpr.training.progress import Progress, Schedule
from edgelpr.training.real import load_real_set
from edgelpr.training.reports import write_plates_csv

PLATES_FILE = "plates.csv"
"""Every plate of a split, as ``edgelpr eval --csv`` writes it; two of them go into ``edgelpr compare``."""

_QUICK_BATCH = 16
_QUICK_POOL = 64


@dataclass(frozen=True)
class Reporting:
    """Whom a run tells how far it is; by default nobody."""

    say: Callable[[str], None] = lambda line: None
    """What begins now, in one line."""

    trained: Callable[[Progress], None] = lambda progress: None
    """Progress of a training."""

    counted: Callable[[int, int], None] = lambda done, total: None
    """How many crops are loaded or read, of how many."""


@dataclass(frozen=True)
class RunOptions:
    """What a user chooses beside the recipe."""

    network: str
    """A name of ``edgelpr.models.hpa.ARCHITECTURES``."""

    folder: Path
    """Of all runs; what is finished in it is kept, what was cut short goes on."""

    backbone_weights: Path | None = None
    """A torchvision ResNet as a file; None starts from random weights."""

    quick: int | None = None
    """Steps a phase of a smoke run, with small batches and few plates; None runs the recipe."""

    rectify: bool = False
    """Straighten plates by their corners where the data set gives them (CCPD, CLPD), to train and to test."""

    half: bool = False
    """Half precision where it is safe."""

    accumulate: int = 1
    """Parts that a batch is worked through in, where memory is short."""

    schedule: Schedule = field(default_factory=Schedule)
    """Device, workers, how often to save."""


def run_experiment(
    recipe: PaperRecipe, folds: Sequence[Fold], options: RunOptions, reporting: Reporting | None = None
) -> tuple[Outcome, ...]:
    """Train and test every variant on every split.

    Started by ``torchrun``, every process calls this with the same arguments; only the first one reports.

    Args:
        recipe: of the experiment.
        folds: its splits.
        options: network, folder and machine.
        reporting: told how far it is.

    Raises:
        EdgelprError: data, weights or the folder cannot be used, or the crops of a step cannot be shared evenly; what is
            finished stays. In the other processes also that the first one failed, as ``LeaderFailedError``.
    """
    group = join(options.schedule.device)
    renderer = GlyphSources().renderer(load_plate_format(recipe.plate_format))
    reporting = reporting if reporting is not None and group.leads else Reporting()
    runs = [_Run(recipe, variant, options, renderer, reporting, group) for variant in recipe.variants]
    for run in runs:
        run.check_shares()
    reporting.say(f"{recipe.experiment}: hashing the plates, to know them again")
    used = [_Used.of(fold, options.quick) for fold in folds]
    return tuple(run.outcome(each) for run in runs for each in used)


@dataclass(frozen=True)
class _Used:
    """The plates of a split that a run uses, and what tells them from others."""

    fold: Fold
    trained_sha256: str
    tested_sha256: str

    @classmethod
    def of(cls, fold: Fold, quick: int | None) -> _Used:
        if quick is not None:
            fold = Fold(fold.name, evenly(fold.train, quick * _QUICK_BATCH), evenly(fold.test, QUICK_TEST))
        return cls(fold, data_sha256(fold.train), data_sha256(fold.test))


@dataclass(frozen=True)
class _Run:
    recipe: PaperRecipe
    variant: Variant
    options: RunOptions
    renderer: Renderer
    reporting: Reporting
    group: Group

    @property
    def folder(self) -> Path:
        return self.options.folder / self.options.network / self.variant.name

    def check_shares(self) -> None:
        for phase in self.recipe.phases:
            config = self._config(phase)
            check_shares(config.batch, self.group, config.accumulate)

    def outcome(self, used: _Used) -> Outcome:
        """Of one split: what lies there already, or trained and tested now."""
        fold, place = used.fold, self.folder / used.fold.name
        identity = self._identity(used)
        finished = led(self.group, partial(read_outcome, place, identity))
        what = f"{self.options.network}, {self.variant.row}, split {fold.name}"
        if finished is not None:
            self.reporting.say(f"{what}: finished before, kept")
            return finished
        checkpoint = self._train(fold, what)
        self.reporting.say(f"{what}: reading {len(fold.test)} plates")
        return led(self.group, partial(self._test, checkpoint, fold, identity))

    def _identity(self, used: _Used) -> dict[str, Any]:
        recipe, fold, weights = self.recipe, used.fold, self.options.backbone_weights
        return {
            "experiment": recipe.experiment,
            "table": recipe.table,
            "network": self.options.network,
            "variant": self.variant.name,
            "row": self.variant.row,
            "split": fold.name,
            "trained_on": len(fold.train),
            "trained_on_sha256": used.trained_sha256,
            "tested_on": len(fold.test),
            "tested_on_sha256": used.tested_sha256,
            "rectify": self.options.rectify,
            "quick": self.options.quick,
            "initialisation": "random" if weights is None else f"backbone of {weights.name}, {hash_file(weights)[0]}",
            "settings": {phase: asdict(self._config(phase)) for phase in recipe.phases},
        }

    def _config(self, phase: str) -> TrainingConfig:
        options = self.options
        plain = self.recipe.config(phase, self.variant, options.network)
        if options.quick is None:
            return replace(plain, accumulate=options.accumulate, half=options.half or plain.half)
        steps = options.quick * len(plain.steps_of_stages)
        return replace(plain, steps=steps, batch=min(plain.batch, _QUICK_BATCH), pool=min(plain.pool, _QUICK_POOL))

    def _train(self, fold: Fold, what: str) -> Path:
        # Another test of the same training, CLPD's of CCPD-base, finds it under the name of what trains.
        trains = fold.name if self.recipe.trained_on is None else f"{self.recipe.trained_on}-base"
        return self._phase("training", self.folder / trains / "training", self._pretrained, what, fold)

    @cached_property
    def _pretrained(self) -> Path | None:
        """What the training of every split starts from; None for random weights."""
        start = self._initial()
        if "pretraining" not in self.recipe.phases:
            return start
        return self._phase("pretraining", self.folder / "pretraining", start, f"{self.options.network}, {self.variant.row}")

    def _initial(self) -> Path | None:
        weights = self.options.backbone_weights
        if weights is None:
            return None
        config = self._config(self.recipe.phases[0])
        return led(self.group, partial(write_initial_checkpoint, config, self.renderer.plate_format, weights, self.folder))

    def _phase(self, phase: str, folder: Path, start: Path | None, what: str, fold: Fold | None = None) -> Path:
        config, real = self._config(phase), []
        if fold is not None:
            self.reporting.say(f"{what}: loading {len(fold.train)} crops")
            height = self.renderer.plate_format.height_width[0]
            rectify, counted = self.options.rectify, self.reporting.counted
            real.append(load_real_set(fold.train, height, f"split {fold.name}", rectify=rectify, progress=counted))
        self.reporting.say(f"{what}: {phase}, {config.steps} steps of {config.batch} crops in {folder}")
        return train(
            config,
            self.renderer,
            folder,
            real=real,
            start_from=start,
            schedule=self._schedule(),
            report=self.reporting.trained,
        )

    def _schedule(self) -> Schedule:
        """With one pool of rendered plates for all variants and splits."""
        given = self.options.schedule
        return given if given.pool_folder is not None else replace(given, pool_folder=self.options.folder / "pool")

    def _test(self, checkpoint: Path, fold: Fold, identity: dict[str, Any]) -> Outcome:
        reader = NetworkReader(load_checkpoint(checkpoint), self.options.schedule.device)
        evaluation = evaluate(reader, fold.test, self.reporting.counted, self.renderer.plate_format, self.options.rectify)
        write_plates_csv(self.folder / fold.name / PLATES_FILE, evaluation)
        recipe, config = self.recipe, self._config("training")
        published = published_accuracy(recipe.table, recipe.data, fold.name, config)
        outcome = Outcome(
            identity,
            evaluation.plates,
            evaluation.correct,
            published,
            checkpoint.relative_to(self.options.folder).as_posix(),
            evaluation.data_sha256,
            describe_machine(),
            evaluation.warnings,
        )
        write_result(self.folder / fold.name / RESULT_FILE, outcome.to_dict())  # last: it says that the split is finished
        return outcome
