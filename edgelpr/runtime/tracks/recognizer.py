"""The recogniser of tracks: frames of a plate in, one reading out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import TRACKS_AT_ONCE
from edgelpr.errors import UsageError
from edgelpr.plates.format import PlateFormat
from edgelpr.runtime.backends.protocol import Backend, StagedBackend
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.inputs import Source, each, is_single
from edgelpr.runtime.loading import Loaded, load_approved
from edgelpr.runtime.tracks.reading import TrackReading
from edgelpr.runtime.tracks.track import PlateTrack, TrackKind
from edgelpr.types import BackendChoice, BackendName, Precision

if TYPE_CHECKING:
    from edgelpr.runtime.choosing import Choice

_GREY = 128


class TrackRecognizer:
    """Reads tracks with the network of a bundle.

    Thread-safe: several threads may read at once, each with a ``PlateTrack`` of its own.

    Use ``TrackRecognizer.open`` to make one, as a context manager or with ``close`` at the end.
    """

    def __init__(self, loaded: Loaded, kind: TrackKind, precision: Precision = "fp32") -> None:
        self._network, self._kind = loaded.network, kind
        self.plate_format: PlateFormat = kind.plate_format
        """What can stand on a plate."""
        self.frames: int = kind.most
        """Frames that are read together; of more the best are taken."""
        self.gives_quality: bool = kind.scores
        """Whether frames are scored; if not, the newest are read of more than five."""
        self.backend: BackendName = loaded.backend
        """The inference engine in use; never another one than was asked for."""
        self.precision: Precision = precision
        """The precision in use."""
        self.description: str = loaded.network.description
        """Engine, version, device and threads."""
        self.device: str = loaded.network.device
        """What computes: ``CPU``, ``CUDA``, or GPU, board and version of TensorRT; an approval is for one of them."""
        self.engine_sha256: str | None = loaded.network.engine_sha256
        """Hash of the plan that reads, which an approval is for as well; None where nothing is built."""
        self.choice: Choice | None = loaded.choice
        """What the backend ``auto`` came to, and why; None where a backend was named."""

    @classmethod
    def open(
        cls,
        bundle: str | os.PathLike[str] | Bundle,
        backend: BackendChoice = "onnxruntime",
        precision: Precision = "fp32",
        threads: int | None = None,
        allow_unapproved: bool = False,
        *,
        build: bool = False,
        device: int = 0,
        trust_engines: bool = False,
        dla: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        note: Callable[[str], None] | None = None,
    ) -> TrackRecognizer:
        """Open a bundle and load its network; see ``Recognizer.open``, also about trusting engines.

        Args:
            bundle: the folder, or one already opened; it must read tracks.
            backend: the inference engine; it fails rather than hand over to another one. ``auto`` takes TensorRT where a GPU
                and a fitting engine are there, else ONNX Runtime, and tells why in ``choice``.
            precision: which of the bundle's graphs.
            threads: CPU threads; None lets the backend choose.
            allow_unapproved: whether fp16 and int8 are used even where ``edgelpr verify`` did not approve this graph on this
                backend, or did so on a device or a processor that may read otherwise.
            build: for TensorRT: whether an engine is built where none fits, which takes minutes, once.
            device: for TensorRT: which GPU, counted as the driver does.
            trust_engines: for TensorRT: whether an engine that brings code for the processor is loaded although it was not
                built here by this user.
            dla: for TensorRT: the DLA core whose engine reads; None: the GPU alone.
            progress: told how far building is: how much is done, and of how much.
            note: told what ``auto`` came to, what takes time in building, and what is to be known about the engine.

        Raises:
            UsageError: an argument out of range, or one that the backend has no use for.
            ApprovalError: a precision that is not approved here.
            BundleError: a bundle that cannot be used, that reads single crops, or has no graph of this precision.
            BackendError: the engine is broken or refuses the network; EngineError: no engine fits; DeviceError: no driver, or
                out of device memory.
            BuildError: an engine could not be built.
            MissingDependencyError: the engine is not installed.
        """
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        kind = TrackKind.of(opened)
        use = EngineUse(build, device, TRACKS_AT_ONCE, progress, note, trust_engines, dla)
        loaded = load_approved(opened, backend, precision, threads, use, allow_unapproved)
        return cls(loaded, kind, precision)

    def __enter__(self) -> TrackRecognizer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the network; calling it again does nothing."""
        self._network.close()

    @property
    def network(self) -> Backend:
        """What computes, for measuring it alone; this closes it."""
        return self._network

    def warmup(self) -> None:
        """Run grey frames, so that the first reading is not the slow one.

        Raises:
            BackendError: closed, or the engine fails.
        """
        kind = self._kind
        for count in range(1, TRACKS_AT_ONCE + 1):
            frames = np.full((count, kind.most, kind.preprocessing.height, kind.preprocessing.width), _GREY, dtype=np.uint8)
            self._network.run(frames, np.ones((count, kind.most), dtype=np.uint8))
        if isinstance(self._network, StagedBackend):
            self._network.keep()

    def track(self) -> PlateTrack:
        """A new track without frames; any number may be under way at once."""
        return PlateTrack(self._network, self._kind)

    def read(self, frames: Iterable[Source]) -> TrackReading:
        """Read one plate from its frames.

        Args:
            frames: one or more crops of the same plate in the order of time, as paths or arrays, of any sizes, grey and colour
                mixed. Of more than five the best by quality are read.

        Raises:
            UsageError: no frame, or a single crop instead of several.
            ImageError: the first frame that cannot be used.
            BackendError: closed, or the engine fails.
        """
        if is_single(frames):
            raise UsageError("expected the frames of one plate as a list, even of one; found a single crop")
        track = self.track()
        for frame in each(frames):
            track.add(frame)
        return track.reading()
