"""One plate on its way past the camera: frames come one by one, the best are kept, a reading can be had at any time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.errors import BackendError, UsageError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import Backend, RawOutput
from edgelpr.runtime.decoding import to_readings
from edgelpr.runtime.inputs import Source, load_image, prepare
from edgelpr.runtime.tracks.reading import FrameQuality, TrackMaps, TrackReading


@dataclass(frozen=True)
class TrackKind:
    """What every track of a bundle has in common."""

    plate_format: PlateFormat
    """What can stand on the plate."""

    preprocessing: Preprocessing
    """How a frame becomes the network's input."""

    most: int
    """Frames that are read together."""

    scores: bool
    """Whether the network says how legible each frame is."""

    confidence: TrackConfidence | None = None
    """How outputs become a probability; None: the product of the characters' probabilities is taken."""

    @classmethod
    def of(cls, bundle: Bundle) -> TrackKind:
        """Of an opened bundle.

        Raises:
            BundleError: the bundle reads crops.
        """
        bundle.check_reads_tracks()
        manifest, graph = bundle.manifest, bundle.manifest.graphs[0]  # all of them take and return the same
        scores = "quality" in graph.outputs
        return cls(manifest.plate_format, manifest.preprocessing, manifest.frames or 1, scores, graph.confidence)


@dataclass(frozen=True, eq=False)
class _Frame:
    name: str
    pixels: Image
    quality: float | None = None


class PlateTrack:
    """Frames of one plate, of which the best are kept by quality; belongs to one thread.

    A frame's quality depends on that frame alone, so it is found once. Frames wait for it: five newcomers are scored by one
    run of the network, so a long track costs a fifth of a run a frame, and at most ten frames of 7.5 kB are held. A reading
    of up to five frames takes one run, and a run more where newcomers have to be scored first. Of frames of equal quality the
    earlier stays. A network without quality scores reads the newest five.

    Made by ``TrackRecognizer.track``.

    Args:
        network: reads tracks; whoever opened it closes it.
        kind: of the bundle.
    """

    def __init__(self, network: Backend, kind: TrackKind) -> None:
        self._network, self._kind = network, kind
        self._frames: list[_Frame] = []
        self._added = 0
        self._seconds = 0.0
        self._read: tuple[TrackReading, RawOutput] | None = None

    def __len__(self) -> int:
        """Frames that were added, those no longer kept included."""
        return self._added

    def add(self, frame: Source, name: str | None = None) -> None:
        """Add a frame; where it cannot be used, or scoring fails, the track stays as it was.

        Args:
            frame: a crop of the plate, the path of an image file or an array (H, W) grey or (H, W, 3) BGR uint8 of any size;
                it is copied, so a camera may reuse its buffer.
            name: what to call it in readings; by default its path, or ``frame N``.

        Raises:
            ImageError: the frame cannot be used.
            BackendError: closed, or the engine fails while frames are scored.
        """
        if name is None:
            name = os.fspath(frame) if isinstance(frame, (str, os.PathLike)) else f"frame {self._added + 1}"
        crop = prepare(load_image(frame, name), self._kind.preprocessing)
        frames = [*self._frames, _Frame(name, crop.pixels)]
        full = len(frames) == 2 * self._kind.most or not self._kind.scores
        self._frames = self._best(frames) if full else frames
        self._added += 1
        self._read = None

    def reading(self) -> TrackReading:
        """Read the plate from the frames that are there; again without a new frame: the same, at no cost.

        Raises:
            UsageError: no frame was added yet.
            BackendError: closed, or the engine fails.
        """
        return self._result()[0]

    def maps(self) -> TrackMaps | None:
        """Where the network looked in the last reading, for drawing; None when the bundle was exported without maps.

        Raises:
            UsageError: no frame was added yet.
            BackendError: closed, or the engine fails.
        """
        output, count = self._result()[1], len(self._frames)
        if output.attention is None:
            return None
        written = output.classes[0] < len(self._kind.plate_format.alphabet)  # void is the class after them
        temporal = None if output.temporal is None else output.temporal[0, :count].copy()
        return TrackMaps(tuple(frame.pixels for frame in self._frames), temporal, output.attention[0, written, :count].copy())

    def _result(self) -> tuple[TrackReading, RawOutput]:
        if not self._frames:
            raise UsageError("the track has no frame; add one to five frames of a plate, or more, before it is read")
        if self._read is None:
            self._frames = self._best(self._frames)
            output = self._run([self._frames])
            self._frames = _with_quality(self._frames, output, 0)
            self._read = self._reading(output), output
            self._seconds = 0.0
        return self._read

    def _best(self, frames: list[_Frame]) -> list[_Frame]:
        """No more of them than are read together, in the order in which they came."""
        most = self._kind.most
        if len(frames) <= most:
            return frames
        if not self._kind.scores:
            return frames[-most:]
        unscored = [frame for frame in frames if frame.quality is None]
        scored = [frame for frame in frames if frame.quality is not None]
        groups = [unscored[start : start + most] for start in range(0, len(unscored), most)]
        if groups:
            output = self._run(groups)
            scored += [frame for number, group in enumerate(groups) for frame in _with_quality(group, output, number)]
        order = sorted(range(len(scored)), key=lambda number: -(scored[number].quality or 0.0))
        return [scored[number] for number in sorted(order[:most])]

    def _run(self, groups: Sequence[Sequence[_Frame]]) -> RawOutput:
        """The network's outputs for groups of at most five frames, one row each."""
        kind = self._kind
        frames = np.zeros((len(groups), kind.most, kind.preprocessing.height, kind.preprocessing.width), dtype=np.uint8)
        present: NDArray[np.uint8] = np.zeros((len(groups), kind.most), dtype=np.uint8)
        for row, group in enumerate(groups):
            present[row, : len(group)] = 1
            frames[row, : len(group)] = [frame.pixels for frame in group]
        start = perf_counter()
        output = self._network.run(frames, present)
        self._seconds += perf_counter() - start
        for name, values in (("quality", output.quality), ("likeness", output.likeness)):
            if values is not None and not np.isfinite(values).all():
                raise BackendError(
                    f"the network returned a {name} that is no number; read with precision fp32, or export the bundle again"
                )
        return output

    def _reading(self, output: RawOutput) -> TrackReading:
        kind = self._kind
        size = (kind.preprocessing.width, kind.preprocessing.height)
        raw = RawOutput(output.classes, output.probabilities)
        plain = to_readings(raw, kind.plate_format, [size], self._seconds)[0]
        frames = tuple(FrameQuality(frame.name, frame.quality) for frame in self._frames)
        likeness = None if output.likeness is None else _likeness(output.likeness[0], len(frames))
        reading = TrackReading(plain.plate, plain.confidence, plain.characters, frames, plain.seconds, likeness)
        if kind.confidence is None or likeness is None:
            return reading
        least = min(map(min, likeness))
        sure = kind.confidence.of(plain.confidence, least)
        return replace(reading, confidence=sure, same_plate=kind.confidence.one_plate(least))


def _likeness(values: NDArray[np.float32], count: int) -> tuple[tuple[float, ...], ...]:
    """Of the frames that are there; rounding must not make a frame differ from itself."""
    found = values[:count, :count].clip(0, 1)
    np.fill_diagonal(found, 1)
    return tuple(map(tuple, found.tolist()))


def _with_quality(group: Sequence[_Frame], output: RawOutput, row: int) -> list[_Frame]:
    if output.quality is None:
        return list(group)
    return [replace(frame, quality=float(output.quality[row, place])) for place, frame in enumerate(group)]
