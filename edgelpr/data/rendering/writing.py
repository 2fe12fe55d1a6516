"""Rendering a folder of labelled plates, in parallel, resumable."""

from __future__ import annotations

import csv
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from edgelpr.data.rendering.samples import RenderedPlate, Renderer
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.data.writing import write_file, write_image
from edgelpr.errors import DataError
from edgelpr.plates.format import PlateFormat

LABELS_FILE = "labels.csv"
"""Written when everything is there; its absence marks an unfinished folder."""

_PARTIAL_FILE = "labels.part.csv"
_RUN_FILE = "synth.json"
_HEADER = ("image", "plate", "kind", "boxes")


@dataclass(frozen=True)
class SynthesisJob:
    """What decides the pictures of a folder."""

    plate_format: PlateFormat
    """What may stand on a plate."""

    sources: GlyphSources
    """Where the shapes come from."""

    count: int
    """Number of plates."""

    seed: int
    """Decides all of them."""


def write_plates(
    job: SynthesisJob, folder: Path, workers: int = 1, progress: Callable[[int], None] = lambda done: None
) -> Path:
    """Render ``images/*.png`` and ``labels.csv`` (image, plate, kind, boxes) into a folder.

    A run that was cut short goes on when it is started again with the same job. Boxes are "x0 y0 x1 y1" in pixels,
    one a character, separated by ";".

    Args:
        job: what to render.
        folder: created when absent.
        workers: processes; one renders in this process.
        progress: called with the number of plates done.

    Returns:
        The path of ``labels.csv``.

    Raises:
        DataError: the folder is finished already, holds another job, or glyphs are missing.
    """
    done = _prepare(job, folder)
    partial = folder / _PARTIAL_FILE
    progress(done)
    with partial.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        for number, plate in enumerate(_render(job, range(done, job.count), workers), start=done):
            name = f"images/{number:06d}.png"
            write_image(folder / name, plate.image, sync=False)
            boxes = ";".join(" ".join(f"{value:.1f}" for value in box) for box in plate.boxes.tolist())
            rows.writerow((name, plate.plate, plate.kind, boxes))
            file.flush()
            progress(number + 1)
    partial.replace(folder / LABELS_FILE)
    return folder / LABELS_FILE


def _prepare(job: SynthesisJob, folder: Path) -> int:
    """Check the folder, and count the plates that an earlier run left."""
    if (folder / LABELS_FILE).exists():
        raise DataError(f"{folder}: holds {LABELS_FILE} already; choose another folder, or remove this one")
    record = json.dumps(_describe(job), ensure_ascii=False, indent=2).encode("utf-8")
    run = folder / _RUN_FILE
    if not run.exists():
        write_file(run, record)
    elif run.read_bytes() != record:
        raise DataError(f"{folder}: an unfinished run with other settings lies here ({_RUN_FILE}); choose another folder")
    return _keep_whole_rows(folder / _PARTIAL_FILE)


def _describe(job: SynthesisJob) -> dict[str, object]:
    sources = {
        "folders": [str(path) for path in job.sources.folders],
        "fonts": [str(path) for path in job.sources.fonts],
        "font_share": job.sources.font_share,
    }
    return {"plate_format": job.plate_format.to_dict(), "glyphs": sources, "count": job.count, "seed": job.seed}


def _keep_whole_rows(partial: Path) -> int:
    header = (",".join(_HEADER) + "\n").encode()
    lines = partial.read_bytes().splitlines(keepends=True) if partial.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    if not whole or whole != lines:
        write_file(partial, b"".join(whole) or header)
    return max(0, len(whole) - 1)


def _render(job: SynthesisJob, numbers: Iterable[int], workers: int) -> Iterator[RenderedPlate]:
    if workers <= 1:
        renderer = job.sources.renderer(job.plate_format)
        yield from (renderer.render(job.seed, number) for number in numbers)
        return
    # Leaving the block, Ctrl-C included, ends the workers; they themselves do not listen to it.
    with multiprocessing.get_context("spawn").Pool(workers, _start_worker, (job,)) as pool:
        yield from pool.imap(_render_one, numbers, chunksize=16)


_worker: tuple[Renderer, int] | None = None


def _start_worker(job: SynthesisJob) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _worker = (job.sources.renderer(job.plate_format), job.seed)


def _render_one(number: int) -> RenderedPlate:
    assert _worker is not None  # set by _start_worker in every worker
    renderer, seed = _worker
    return renderer.render(seed, number)
