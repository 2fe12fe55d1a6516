"""What a calibration did, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from edgelpr.calibration.calibrating import CalibrationReport
    from edgelpr.calibration.images import CalibrationImages
    from edgelpr.calibration.record import CalibrationRecord
    from edgelpr.calibration.track_images import CalibrationTracks


def show_calibration(report: CalibrationReport, images: CalibrationImages | CalibrationTracks | None, as_json: bool) -> None:
    """Print warnings to stderr, then tables or JSON.

    Args:
        report: what was done.
        images: those that were read, or the tracks; None where there were none.
        as_json: whether a machine asks.
    """
    for item in report.narrowness:
        note(f"Warning: {item.what}. To do: {item.remedy}")
    for check in report.checks:
        if check.warning is not None:
            note(f"Warning: {check.warning}")
    if as_json:
        print_json(_to_plain(report, images))
    else:
        _print(report)


def _print(report: CalibrationReport) -> None:
    record = report.record
    if record.trials and not report.reused:
        _print_trials(record)
    else:
        methods = ", ".join(f"{file} by {method}" for file, method in record.methods.items())
        count = f"{record.images.count} images" if record.tracks is None else f"{record.tracks.count} tracks"
        click.echo(f"Ranges of {methods}, from {count}{' of an earlier time' if report.reused else ''}")
    rows_read = "crops" if report.bundle.manifest.frames is None else "tracks"
    click.echo(f"\nReadings of {report.checks[0].difference.crops} {rows_read} in ONNX Runtime, beside fp32's")
    rows = [
        [
            check.file,
            f"{report.bundle.manifest.files[check.file].bytes / 1e6:.2f}",
            str(check.difference.changed),
            f"{check.difference.mean_shift:.5f}",
            f"{check.difference.largest_shift:.3f}",
        ]
        for check in report.checks
    ]
    numbers = ["MB", "changed", "mean shift", "largest shift"]
    print_table(["file", *numbers], rows, right=numbers)
    click.echo("A shift is how far the probability of a character that fp32 reads moved, 0 to 1.")
    click.echo(f"\nbundle  {report.bundle.path}, calibrated in {report.seconds:.0f} s; not approved yet")


def _print_trials(record: CalibrationRecord) -> None:
    what = "images" if record.tracks is None else "tracks"
    click.echo(f"Trials on {record.trials[0].held_out} held-out {what}, beside fp32's readings")
    rows = [
        [
            trial.file,
            trial.method,
            str(trial.changed_readings),
            f"{trial.mean_shift:.5f}",
            "yes" if record.methods[trial.file] == trial.method else "",
        ]
        for trial in record.trials
    ]
    print_table(["file", "method", "changed", "mean shift", "taken"], rows, right=["changed", "mean shift"])


def _to_plain(report: CalibrationReport, images: CalibrationImages | CalibrationTracks | None) -> dict[str, Any]:
    from dataclasses import asdict

    record, manifest = report.record, report.bundle.manifest
    return {
        "bundle": str(report.bundle.path),
        "reused": report.reused,
        "methods": dict(record.methods),
        "trials": [asdict(trial) for trial in record.trials],
        "checks": [{"file": check.file} | asdict(check.difference) | {"warning": check.warning} for check in report.checks],
        "files": {path: file.bytes for path, file in sorted(manifest.files.items())},
        "images": None if images is None else images.to_dict(),
        "warnings": [item.to_dict() for item in report.narrowness],
        "seconds": report.seconds,
    }
