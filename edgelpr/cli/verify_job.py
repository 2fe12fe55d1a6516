"""What ``edgelpr verify`` does with a bundle, before and after a search for layers, and what it names next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgelpr.cli.output import next_command, note, print_json
from edgelpr.cli.plate_labels import Labels
from edgelpr.errors import BundleError
from edgelpr.types import Precision

if TYPE_CHECKING:
    from edgelpr.benchmarks.verifying.verifying import Plan, Verification
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.data.labelled import LabelledCrop


@dataclass(frozen=True)
class Search:
    """How ``--bisect`` looks for layers."""

    grouped: bool
    """Measure groups of layers even where the layers are few."""

    keep_slow: bool
    """Write the graph that passes even where it is no faster than fp32."""

    chart: Path | None
    """Where to draw the cost of each layer."""


@dataclass(frozen=True)
class VerifyJob:
    """The same plates and choices, for the bundle as it is and as it becomes."""

    labelled: Sequence[LabelledCrop]
    """The plates."""

    plan: Plan
    """What is verified, and how."""

    record: bool
    """Whether verdicts go into the bundle."""

    as_json: bool
    """Whether a machine asks."""

    def check(self, bundle: Bundle, where: Path, split: str | None) -> None:
        """Refuse a bundle that cannot take verdicts, and plates that calibrated; warn of what else is wrong with them."""
        from edgelpr.benchmarks.verifying.plates import find_mistakes, find_training_plates, refuse_calibration_plates
        from edgelpr.bundle.updating import check_changeable
        from edgelpr.cli.verdicts import warn

        if self.record:
            try:
                check_changeable(bundle)
            except BundleError as error:
                raise BundleError(f"{error}, or measure only, with --no-record") from error
        refuse_calibration_plates(bundle, self.labelled, where, split)
        warn("doubtful pictures", find_mistakes(self.labelled, bundle.manifest.plate_format, where))
        if (training := find_training_plates(self.labelled)) is not None:
            note(f"Warning: {training}")

    def forget(self, bundle: Bundle, data_sha256: str) -> Bundle:
        """Withdraw the verdicts on plates whose hash begins so, and say which."""
        from edgelpr.bundle.recording import withdraw_approvals

        bundle, taken = withdraw_approvals(bundle, data_sha256)
        for verdict in taken:
            where = f"{verdict.precision} on {verdict.backend}, {verdict.device}"
            note(f"Withdrawn, and kept in the bundle's notes: the verdict on {where} that it {verdict.loss_in_words}")
        return bundle

    def verify(self, bundle: Bundle) -> tuple[Bundle, Verification]:
        """Measure, say what was found, and write the verdicts into the bundle."""
        from edgelpr.benchmarks.verifying.verifying import verify
        from edgelpr.bundle.recording import record_approvals
        from edgelpr.cli.progress import Steps
        from edgelpr.cli.verdicts import print_verification, warn_of_plates

        with Steps("Verifying") as steps:
            found = verify(bundle, self.labelled, self.plan, steps.note, steps.reach)
        warn_of_plates(found)
        if not self.as_json:
            print_verification(found)
        if self.record and found.approvals:
            try:
                bundle = record_approvals(bundle, found.approvals)
            except BundleError:
                if self.as_json:  # a full disk must not cost the figures
                    print_json(_entries(found, {}))
                raise
            ruled = [result for result in found.results if result.ruling is not None]
            verdicts = [f"{each.subject.precision} {'approved' if each.approved else 'not approved'}" for each in ruled]
            note(f"Recorded in {bundle.path}: {', '.join(verdicts)} on {self.plan.backend}")
        return bundle, found

    def bisect(
        self, bundle: Bundle, found: Verification, search: Search, bisections: dict[Precision, Any]
    ) -> tuple[Bundle, Verification]:
        """Repair every precision that failed, and verify the bundle again if that changed it."""
        from edgelpr.cli.verdicts import bisect_failed

        failed = [result.subject.precision for result in found.failed if not result.subject.simulated]
        if not failed:
            note("Nothing to bisect: every precision that reads here is within the gate")
            return bundle, found
        before = bundle.manifest.files
        for precision in failed:
            chart = search.chart
            picture = chart if chart is None or len(failed) == 1 else chart.with_stem(f"{chart.stem}-{precision}")
            found_here = bisections if self.as_json else None
            of_one = replace(search, chart=picture)
            bundle = bisect_failed(bundle, self.labelled, self.plan, precision, of_one, found_here)
        return (bundle, found) if bundle.manifest.files == before else self.verify(bundle)

    def name_next(self, found: Verification, opened: Bundle, labels: Labels, bisected: bool) -> None:
        """After a failure the search for layers, after mere measuring the record of it, else reading."""
        from edgelpr.cli.verdicts import best_precision

        failed = [result.subject.precision for result in found.failed if not result.subject.simulated]
        best, bundle, of_tracks = best_precision(found), opened.path, opened.manifest.frames is not None
        if failed and not bisected and self.plan.backend == "onnxruntime" and not of_tracks:
            next_command(command_again(bundle, labels, self.plan, failed, "--bisect"))
        elif not self.record and best != "fp32":  # not approved yet
            next_command(command_again(bundle, labels, self.plan, self.plan.precisions))
        else:
            plan = replace(self.plan, dla=None) if best == "fp32" else self.plan  # which no DLA computes
            verb, pictures = ("track", "FRAMES...") if of_tracks else ("read", "IMAGE...")
            next_command(shlex.join(["edgelpr", verb, str(bundle), "--precision", best, *_engine(plan), pictures]))


def _entries(found: Verification, bisections: dict[Precision, Any]) -> list[dict[str, Any]]:
    from edgelpr.benchmarks.verifying.entries import to_entry

    entries = []
    for result in found.results:
        bisection = None if result.subject.simulated else bisections.get(result.subject.precision)
        entries.append(to_entry(result) | ({} if bisection is None else {"bisection": bisection}))
    return entries


def write_report(found: Verification, bisections: dict[Precision, Any], chart: Path | None, as_json: bool) -> None:
    """Print what a machine asks for, and draw what was asked for; tables were printed as they came about."""
    if as_json:
        print_json(_entries(found, bisections))
    if chart is not None:  # last: a full disk must not cost the figures
        from edgelpr.benchmarks.verifying.chart import write_verification_chart

        write_verification_chart(chart, found.results)
        note(f"Wrote {chart}: loss by speed")


def command_again(bundle: Path, labels: Labels, plan: Plan, precisions: Sequence[Precision], *more: str) -> str:
    """This command for these precisions, by the same gate."""
    from edgelpr.benchmarks.verifying.gate import MAX_LOSS
    from edgelpr.bundle.approval import LEAST_PLATES

    gate = [] if plan.max_loss == MAX_LOSS else ["--max-loss", f"{plan.max_loss:g}"]
    gate += [] if plan.least_plates == LEAST_PLATES else ["--least-plates", str(plan.least_plates)]
    upright = ["--rectify"] if plan.rectify else []
    only = [part for precision in precisions for part in ("--precision", precision)]
    building = ["--build"] if plan.build else []  # a graph that changes has no engine yet
    engine = [*_engine(plan), *building]
    return shlex.join(["edgelpr", "verify", str(bundle), *labels.options, *upright, *engine, *gate, *only, *more])


def _engine(plan: Plan) -> list[str]:
    from edgelpr.runtime.executing.use import EngineUse

    chosen = [] if plan.backend == "onnxruntime" else ["--backend", plan.backend]
    chosen += EngineUse(device=plan.device, trust_engines=plan.trust_engines, dla=plan.dla).words
    return chosen if plan.threads is None else [*chosen, "--threads", str(plan.threads)]
