"""The recogniser of tracks: frames of a plate in, one reading out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import TracebackType

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import UsageError
from edgelpr.plates.format import PlateFormat
from edgelpr.runtime.inputs import Source, each, is_single
from edgelpr.runtime.tracks.network import TrackNetwork
from edgelpr.runtime.tracks.reading import TrackReading
from edgelpr.runtime.tracks.track import PlateTrack, TrackKind
from edgelpr.types import BackendName, Precision


class TrackRecognizer:
    """Reads tracks with the network of a bundle.

    Thread-safe: several threads may read at once, each with a ``PlateTrack`` of its own.

    Use ``TrackRecognizer.open`` to make one, as a context manager or with ``close`` at the end.
    """

    def __init__(self, network: TrackNetwork, kind: TrackKind) -> None:
        self._network, self._kind = network, kind
        self.plate_format: PlateFormat = kind.plate_format
        """What can stand on a plate."""
        self.frames: int = kind.most
        """Frames that are read together; of more the best are taken."""
        self.backend: BackendName = "onnxruntime"
        """The inference engine in use."""
        self.precision: Precision = "fp32"
        """The precision in use."""
        self.description: str = network.description
        """Engine, version, device and threads."""

    @classmethod
    def open(
        cls, bundle: str | os.PathLike[str] | Bundle, backend: BackendName = "onnxruntime", threads: int | None = None
    ) -> TrackRecognizer:
        """Open a bundle and load its network, in fp32.

        Args:
            bundle: the folder, or one already opened; it must read tracks.
            backend: only ``onnxruntime`` so far.
            threads: CPU threads; None lets the backend choose.

        Raises:
            UsageError: another backend, or fewer than one thread.
            BundleError: a bundle that cannot be used, or that reads single crops.
            BackendError: the engine is broken or refuses the network.
            MissingDependencyError: the engine is not installed.
        """
        if backend != "onnxruntime":
            raise UsageError(f"tracks are read by onnxruntime only so far, not by '{backend}'; choose onnxruntime")
        if threads is not None and (type(threads) is not int or threads < 1):
            raise UsageError(f"threads is {threads!r}; expected 1 or more")
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        network = TrackNetwork.load(opened, threads)
        manifest = opened.manifest
        assert manifest.frames is not None, "a bundle without frames is refused when its graph is asked for"
        return cls(network, TrackKind(manifest.plate_format, manifest.preprocessing, manifest.frames))

    def __enter__(self) -> TrackRecognizer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the network; calling it again does nothing."""
        self._network.close()

    @property
    def gives_quality(self) -> bool:
        """Whether frames are scored; if not, the newest are read of more than five."""
        return self._network.gives_quality

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
