"""Reading the same labelled plates in every precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isfinite

from edgelpr.benchmarks.summary import Summary
from edgelpr.benchmarks.verifying.approvals import approvals_of, ruled
from edgelpr.benchmarks.verifying.gate import MAX_LOSS, check_max_loss
from edgelpr.benchmarks.verifying.patience import PatientReader
from edgelpr.benchmarks.verifying.plates import graphs_chosen_on
from edgelpr.benchmarks.verifying.result import PrecisionResult
from edgelpr.benchmarks.verifying.speed import SECONDS, crops_to_time, time_recognizers
from edgelpr.benchmarks.verifying.subjects import Subject, choose_subjects, open_subject
from edgelpr.benchmarks.verifying.tracks import evaluate_tracks, frames_to_time, tracks_of
from edgelpr.benchmarks.verifying.verdict import counted
from edgelpr.bundle.approval import LEAST_PLATES, Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.labelled_tracks import LabelledTrack
from edgelpr.errors import BackendError, DataError, UsageError
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.runtime.tracks.recognizer import TrackRecognizer
from edgelpr.training.evaluation import evaluate
from edgelpr.training.scores import Evaluation, Progress
from edgelpr.types import BackendName, Precision

_FEW_RIGHT = 0.5


@dataclass(frozen=True)
class Plan:
    """What is verified, and how.

    Raises:
        UsageError: a loss or a time that cannot be.
    """

    backend: BackendName = "onnxruntime"
    """Inference engine."""

    precisions: tuple[Precision, ...] = ()
    """Only these beside fp32; none: all that the bundle has for the backend."""

    max_loss: float = MAX_LOSS
    """Percentage points of whole-plate accuracy that may be lost."""

    least_plates: int = LEAST_PLATES
    """Plates that a verdict has to rest on, to approve."""

    simulate_tensorrt: bool = False
    """Whether the int8 graph made for TensorRT is read too, with ONNX Runtime in its place."""

    threads: int | None = None
    """CPU threads for one batch; None lets the backend choose."""

    batch_size: int = 16
    """Crops read at a time; time is always taken one by one."""

    rectify: bool = False
    """Straighten plates by their corners where the labels give them."""

    seconds: float | None = SECONDS
    """About how long each precision is timed; None: no time is taken."""

    build: bool = False
    """For TensorRT: whether engines are built where none fits, that of fp32 among them."""

    device: int = 0
    """For TensorRT: which GPU, counted as the driver does."""

    trust_engines: bool = False
    """Whether engines that bring code for the processor are loaded although they were not built here."""

    dla: int | None = None
    """For TensorRT: the DLA core whose engines read, in fp16 and int8; None: those for the GPU alone, where there are any."""

    def __post_init__(self) -> None:
        check_max_loss(self.max_loss)
        if self.seconds is not None and not (isfinite(self.seconds) and self.seconds > 0):
            raise UsageError(f"the time for each precision is {self.seconds} s; expected more than 0")


@dataclass(frozen=True)
class Verification:
    """What came of it."""

    results: tuple[PrecisionResult, ...]
    """fp32 first."""

    warnings: tuple[str, ...]
    """What makes the figures doubtful."""

    approvals: tuple[Approval, ...] = ()
    """The verdicts that follow, for the bundle."""

    @property
    def reference(self) -> Evaluation:
        """What fp32 read."""
        return self.results[0].evaluation

    @property
    def failed(self) -> tuple[PrecisionResult, ...]:
        """Those that lose more than is allowed here, simulations included."""
        return tuple(result for result in self.results if not result.within_gate)

    @property
    def unapproved(self) -> tuple[PrecisionResult, ...]:
        """Those that failed, or may not be used for another reason."""
        return tuple(result for result in self.results if not result.within_gate or result.approved is False)


def verify(
    bundle: Bundle, labelled: Sequence[LabelledCrop], plan: Plan, say: Callable[[str], None], progress: Progress
) -> Verification:
    """Read every plate in every precision, then time the precisions in turn. Nothing is written.

    Args:
        bundle: as opened.
        labelled: the plates, none of which calibrated the bundle; for one that reads tracks each a ``LabelledTrack``.
        plan: what and how.
        say: told what is being done.
        progress: called after each plate of each precision, and while an engine is built.

    Raises:
        UsageError: a backend that runs no graphs, or crops for a bundle that reads tracks.
        BundleError: a graph is missing, or there is only fp32.
        DataError: no plate, or fp32 reads none of them right.
        BackendError: an engine cannot be opened, or fails in fp32; EngineError: none fits, and none is to be built.
        BuildError: an engine could not be built.
    """
    subjects = choose_subjects(bundle, plan.backend, plan.precisions, plan.simulate_tensorrt)
    use = EngineUse(plan.build, plan.device, plan.batch_size, progress, say, plan.trust_engines, plan.dla)
    with ExitStack() as stack:
        opened: dict[Subject, Recognizer | TrackRecognizer] = {}
        for subject in subjects:
            opened[subject] = open_subject(bundle, subject, plan.backend, plan.threads, use)
            stack.callback(opened[subject].close)
        evaluations: dict[Subject, Evaluation] = {}
        for subject, recognizer in opened.items():
            say(f"Reading {counted(len(labelled))}: {subject.name} with {recognizer.description}")
            evaluations[subject] = _evaluate(bundle, subject, recognizer, labelled, plan, progress)
            if subject.precision == "fp32":
                _check_reference(evaluations[subject])
        results = _results(opened, evaluations, plan, {})
        if plan.seconds is not None:
            timed = [result.subject for result in results if not result.subject.simulated and not result.engine_failures]
            say(f"Timing {', '.join(subject.name for subject in timed)} in turn")
            recognizers = {subject.name: opened[subject] for subject in timed}
            readable = [score.crop for score in results[0].evaluation.scores if score.error is None]
            speeds = time_recognizers(recognizers, _to_time(readable, plan.rectify), plan.seconds)
            results = _results(opened, evaluations, plan, speeds)
    approvals = approvals_of(bundle, results, plan.least_plates, graphs_chosen_on(bundle, labelled), plan.rectify)
    return Verification(ruled(bundle, results, approvals), _warnings(results[0].evaluation), approvals)


def _evaluate(
    bundle: Bundle,
    subject: Subject,
    recognizer: Recognizer | TrackRecognizer,
    labelled: Sequence[LabelledCrop],
    plan: Plan,
    progress: Progress,
) -> Evaluation:
    plate_format = bundle.manifest.plate_format
    if isinstance(recognizer, TrackRecognizer):
        tracks, patient = tracks_of(labelled), subject.precision != "fp32"
        return evaluate_tracks(recognizer, tracks, progress, plate_format, plan.rectify, patient)
    try:
        return evaluate(recognizer, labelled, progress, plate_format, plan.rectify)
    except BackendError:
        if subject.precision == "fp32":
            raise
        return evaluate(PatientReader(recognizer), labelled, progress, plate_format, plan.rectify)


def _to_time(readable: Sequence[LabelledCrop], rectify: bool) -> Sequence[Image] | Sequence[list[Image]]:
    tracks = [track for track in readable if isinstance(track, LabelledTrack)]
    return frames_to_time(tracks, rectify) if tracks else crops_to_time(readable, rectify)


def _results(
    opened: Mapping[Subject, Recognizer | TrackRecognizer],
    evaluations: Mapping[Subject, Evaluation],
    plan: Plan,
    speeds: Mapping[str, Summary],
) -> tuple[PrecisionResult, ...]:
    reference = next(iter(evaluations.values()))
    return tuple(
        PrecisionResult(
            subject=subject,
            evaluation=evaluations[subject],
            reference=reference,
            runtime=recognizer.description,
            device=recognizer.device,
            engine_sha256=recognizer.engine_sha256,
            max_loss=plan.max_loss,
            speed=speeds.get(subject.name),
            speed_of_fp32=speeds.get("fp32"),
        )
        for subject, recognizer in opened.items()
    )


def _check_reference(evaluation: Evaluation) -> None:
    """Where fp32 reads nothing right, nothing can be lost and every precision would pass."""
    if evaluation.correct:
        return
    score = evaluation.scores[0]
    found = score.error or f"{score.crop.path.name} is labelled '{score.crop.plate}' and read '{score.read}'"
    raise DataError(
        f"fp32 reads none of the {counted(evaluation.plates)} right, so no precision could lose one; the first: {found}. "
        "Are these crops of plates, are the labels theirs, and is the bundle made for such plates? 'edgelpr check' and "
        "'edgelpr eval --sheet' show more"
    )


def _warnings(reference: Evaluation) -> tuple[str, ...]:
    if reference.plate_accuracy >= _FEW_RIGHT:
        return ()
    return (
        f"fp32 reads only {reference.correct} of {reference.plates} plates right: a plate that it misreads cannot be lost, so "
        "the gate is lenient here. Are the labels right, and is the bundle made for such plates?",
    )
