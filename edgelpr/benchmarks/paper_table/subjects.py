"""What is timed beside the papers: each network as published, exported plain, rewritten, and in fewer bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from edgelpr.benchmarks.bench.opening import model_of
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.run import Model
from edgelpr.benchmarks.bench.torch_reader import TorchReader
from edgelpr.benchmarks.paper_table.bundles import PLAIN, REWRITTEN, calibrated, export_form
from edgelpr.benchmarks.paper_table.exported import Exported, exported_subjects, open_graph
from edgelpr.benchmarks.paper_table.published import IQ_STAN
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subject import (
    EAGER,
    GRAPH,
    READING,
    Say,
    Subject,
    Wanted,
    model_as_published,
    spelt_by,
)
from edgelpr.benchmarks.paper_table.track_subjects import track_subjects
from edgelpr.benchmarks.roofline import Work
from edgelpr.benchmarks.work import count_work
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.images import LEAST_IMAGES, CalibrationImages
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.writing import write_image
from edgelpr.export.options import REWRITES
from edgelpr.export.wrapping import GraphModule
from edgelpr.models.counting import count_parameters
from edgelpr.models.hpa import Hpa
from edgelpr.plates.format import PlateFormat
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.backends.torch.graph_runner import TorchGraphRunner
from edgelpr.runtime.decoding import class_mask, decode_logits, to_readings
from edgelpr.types import BackendName, Precision, Rewrite

_FORMS: tuple[tuple[str, tuple[Rewrite, ...]], ...] = ((PLAIN, ()), (REWRITTEN, REWRITES))


def subjects_of(source: Source, wanted: Wanted, folder: Path, say: Say) -> Iterator[Subject]:
    """Everything to time of one network, each made when it is its turn.

    Args:
        source: the network.
        wanted: what is asked for.
        folder: for bundles; its owner removes it.
        say: told what takes time.

    Raises:
        EdgelprError: whatever export, calibration or an engine refuses.
    """
    if source.architecture == IQ_STAN:
        yield from track_subjects(source, wanted, folder, say)
        return
    if "torch" in wanted.backends and "fp32" in wanted.precisions:
        yield _eager(source, wanted)
    if "torch" in wanted.backends and "fp16" in wanted.precisions and wanted.device != "cpu":
        yield _captured(source, folder, say)
    engines = [backend for backend in wanted.backends if backend != "torch"]
    for form, rewrites in _FORMS if engines else ():
        exported = _exported(source, form, rewrites, wanted, folder, say)
        yield from exported_subjects(exported, engines, wanted.earlier, wanted.plates)


def _eager(source: Source, wanted: Wanted) -> Subject:
    network: Hpa = source.make()
    size = network.plate_format.height_width
    work = count_work(network, (torch.zeros(1, 3, *size),))
    model = model_as_published(source, "as published", network, work)

    def open_it() -> Reader:
        decode = partial(texts_of, network.plate_format)
        return TorchReader(network, wanted.device, wanted.threads, height_width=size, decode=decode)

    return Subject(model, open_it, "torch", "fp32", EAGER, work, spells=spelt_by(source, network))


def _captured(source: Source, folder: Path, say: Say) -> Subject:
    """What the papers' network does without their overhead: the same weights in float16, launched as one CUDA graph."""
    network: Hpa = source.make()
    work = count_work(network, (torch.zeros(1, 3, *network.plate_format.height_width),))
    model = model_as_published(source, "as published, in a CUDA graph", network, work)

    def open_it() -> Reader:
        bundle = export_form(source, PLAIN, (), folder, say)  # names the plate format and the preprocessing
        runner = TorchGraphRunner(torch, network, class_mask(network.plate_format))
        return RecognizerReader(bundle, runner, "torch", "fp16", None)

    return Subject(model, open_it, "torch", "fp16", READING, work, spells=spelt_by(source, network))


def _exported(source: Source, form: str, rewrites: tuple[Rewrite, ...], wanted: Wanted, folder: Path, say: Say) -> Exported:
    network: Hpa = source.make()
    work, count = _graph_work(network, rewrites), count_parameters(network)

    def export(calibrating: bool) -> Bundle:
        bundle = export_form(source, form, rewrites, folder, say)
        if not calibrating:
            return bundle
        images = _rendered(bundle, folder / f"{source.architecture}-crops")
        return calibrated(bundle, images, source.title, wanted.threads, say, wanted.remark)

    def model(bundle: Bundle, backend: BackendName, precision: Precision) -> Model:
        return replace(model_of(bundle, backend, precision, count), compulsory_bytes=work.compulsory_bytes)

    whole = form == REWRITTEN
    return Exported(
        name=f"{source.title}, {form}",
        weights_sha256=source.sha256,
        # Fewer bits are for the graph that is deployed; the plain one only shows what the rewrites gain.
        precisions=[each for each in wanted.precisions if each == "fp32" or whole],
        scenarios=READING if whole else GRAPH,
        export=export,
        model=model,
        open=partial(open_graph, wanted.threads),
        work=work,
        accuracy=source.accuracy if whole else None,  # a card is about the export as it is by default
        spells=spelt_by(source, network),
    )


def texts_of(plate_format: PlateFormat, output: Any) -> list[str]:
    """The texts in what a network of single crops returns, as the runtime decodes its graphs.

    Args:
        plate_format: of the network.
        output: with ``logits``, a tensor (N, P, S) of class scores.

    Raises:
        BackendError: scores that are no numbers.
    """
    logits = output.logits.float().cpu().numpy()
    raw = RawOutput(*decode_logits(logits, class_mask(plate_format)))
    return [reading.plate for reading in to_readings(raw, plate_format, [(1, 1)] * len(logits), 0.0)]


def _graph_work(network: Hpa, rewrites: tuple[Rewrite, ...]) -> Work:
    module = GraphModule(network, rewrites, maps=True).eval()
    shape = [1, *module.input_shape[1:]]
    dtype = torch.float32 if module.door is None else torch.uint8
    return count_work(module, (torch.zeros([side or 1 for side in shape], dtype=dtype),))


def _rendered(bundle: Bundle, folder: Path) -> CalibrationImages:
    renderer = Renderer(bundle.manifest.plate_format)
    for number in range(LEAST_IMAGES):
        write_image(folder / f"{number:02}.png", renderer.render(0, number).image, sync=False)
    return load_calibration_images(folder, bundle.manifest.preprocessing)
