"""What is timed beside the papers: each network as published, exported plain, rewritten, and in fewer bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import torch

from edgelpr.benchmarks.bench.opening import model_of, open_reader
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.run import Accuracy, Model
from edgelpr.benchmarks.bench.torch_reader import TorchReader
from edgelpr.benchmarks.paper_table.published import IQ_STAN
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.track_reader import TrackReader
from edgelpr.benchmarks.roofline import Work
from edgelpr.benchmarks.work import count_work
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.calibrating import calibrate
from edgelpr.calibration.images import LEAST_IMAGES
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.data.rendering.samples import Renderer, render_crops
from edgelpr.data.writing import write_image
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.export.wrapping import GraphModule
from edgelpr.models.counting import count_parameters
from edgelpr.models.hpa import Hpa
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendName, EngineBackend, Precision, Rewrite

_PARITY_CROPS = 8
_FORMS: tuple[tuple[str, tuple[Rewrite, ...]], ...] = (("plain export", ()), ("rewritten", REWRITES))

Say = Callable[[str], None]
"""Takes one line about what is being done."""


@dataclass(frozen=True)
class Subject:
    """One thing to time."""

    model: Model
    """For the result."""

    open: Callable[[], Reader]
    """Loads it; the caller closes it."""

    work: Work | None
    """Of one call, in fp32; None where it was not counted."""

    reads: bool
    """Whether it is timed end to end too."""

    eager: bool
    """Whether it is PyTorch as the papers used it, to which their protocol belongs."""

    accuracy: Accuracy | None = None
    """Of this very graph and precision, where its card says so."""


@dataclass(frozen=True)
class Wanted:
    """What a user asks for."""

    backends: tuple[BackendName, ...] = ("torch", "onnxruntime")
    """Inference engines; ``torch`` is eager, fp32."""

    precisions: tuple[Precision, ...] = get_args(Precision)
    """Of the engines that run graphs."""

    threads: int = 1
    """Processor threads."""

    device: str = "cpu"
    """Of torch: ``cpu`` or ``cuda``."""


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
        if "torch" in wanted.backends:
            yield _track(source, wanted)
        return
    if "torch" in wanted.backends and "fp32" in wanted.precisions:
        yield _eager(source, wanted)
    engines = [backend for backend in wanted.backends if backend != "torch"]
    for form, rewrites in _FORMS if engines else ():
        yield from _exported(source, form, rewrites, wanted, engines, folder, say)


def _eager(source: Source, wanted: Wanted) -> Subject:
    network: Hpa = source.make()
    size = network.plate_format.height_width
    work = count_work(network, (torch.zeros(1, 3, *size),))
    model = _model(source, "as published", network, work)
    return Subject(model, lambda: TorchReader(network, wanted.device, wanted.threads, height_width=size), work, False, True)


def _track(source: Source, wanted: Wanted) -> Subject:
    network: IqStan = source.make()
    size = network.preprocessing
    work = count_work(network, (torch.zeros(1, FRAMES, size.height, size.width), torch.ones(1, FRAMES)))
    model = _model(source, "five frames a call", network, work)
    return Subject(model, lambda: TrackReader(network, wanted.device, wanted.threads), work, False, True)


def _exported(
    source: Source,
    form: str,
    rewrites: tuple[Rewrite, ...],
    wanted: Wanted,
    engines: Sequence[BackendName],
    folder: Path,
    say: Say,
) -> Iterator[Subject]:
    network: Hpa = source.make()
    path = folder / f"{source.architecture}-{len(rewrites)}.elpr"
    say(f"{source.title}: exporting, {form}")
    crops = render_crops(network.plate_format, _PARITY_CROPS)
    bundle = export_bundle(network, path, ExportOptions(rewrites=rewrites), crops, lambda line: None).bundle
    work = _graph_work(network, rewrites)
    # Fewer bits are for the graph that is deployed; the plain one only shows what the rewrites gain.
    precisions = [each for each in wanted.precisions if each == "fp32" or rewrites]
    if any(each != "fp32" for each in precisions):
        say(f"{source.title}: calibrating on rendered plates, for speed alone")
        bundle = _calibrated(bundle, folder / f"{source.architecture}-crops", wanted.threads)
    for backend in engines:
        for precision in precisions:
            yield _graph(source, form, bundle, backend, precision, wanted, work, count_parameters(network))


def _graph(
    source: Source,
    form: str,
    bundle: Bundle,
    backend: BackendName,
    precision: Precision,
    wanted: Wanted,
    work: Work,
    count: int,
) -> Subject:
    on_processor = backend not in get_args(EngineBackend)

    def open_it() -> Reader:
        use = None if on_processor else EngineUse(build=True, batch=1)
        return open_reader(bundle, backend, precision, wanted.threads if on_processor else None, 1, use)

    model = model_of(bundle, backend, precision, parameters=count)
    model = replace(model, name=f"{source.title}, {form}", compulsory_bytes=work.compulsory_bytes)
    rewritten = form == _FORMS[-1][0]
    # A card is about the export as it is by default. Ranges measured here are not those that a card's INT8 had.
    accuracy = source.accuracy(backend, precision) if rewritten and precision == "fp32" else None
    return Subject(model, open_it, work, rewritten, False, accuracy)


def _graph_work(network: Hpa, rewrites: tuple[Rewrite, ...]) -> Work:
    module = GraphModule(network, rewrites, maps=True).eval()
    shape = [1, *module.input_shape[1:]]
    dtype = torch.float32 if module.door is None else torch.uint8
    return count_work(module, (torch.zeros([side or 1 for side in shape], dtype=dtype),))


def _calibrated(bundle: Bundle, folder: Path, threads: int) -> Bundle:
    renderer = Renderer(bundle.manifest.plate_format)
    for number in range(LEAST_IMAGES):
        write_image(folder / f"{number:02}.png", renderer.render(0, number).image, sync=False)
    images = load_calibration_images(folder, bundle.manifest.preprocessing)
    return calibrate(bundle, images, method="min-max", threads=threads, say=lambda line: None).bundle


def _model(source: Source, form: str, network: Any, work: Work) -> Model:
    return Model(
        name=f"{source.title}, {form}",
        architecture=source.architecture,
        plate_format=network.plate_format.name,
        graph_sha256=source.sha256,
        multiply_adds=work.operations // 2,
        parameters=count_parameters(network),
        compulsory_bytes=work.compulsory_bytes,
    )
