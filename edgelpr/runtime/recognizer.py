"""The recogniser: images in, readings out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from time import perf_counter
from types import TracebackType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import ApprovalError, BackendError, ImageError, UsageError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.approving import check_approved
from edgelpr.runtime.backends.protocol import Backend, RawOutput
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.runtime.decoding import to_readings
from edgelpr.runtime.inputs import Crop, Source, Sources, each, is_single, load_image, prepare
from edgelpr.runtime.reading import Reading
from edgelpr.types import BackendName, Precision

_MOST_CROPS = 256


class Recognizer:
    """Reads plates with the network of a bundle.

    Thread-safe: ``read``, ``stream`` and ``maps`` may be called from several threads at once on one recogniser, and
    ``close`` lets batches under way finish. A single iterator from ``stream`` belongs to one thread.

    Use ``Recognizer.open`` to make one, as a context manager or with ``close`` at the end.
    """

    def __init__(
        self, bundle: Bundle, engine: Backend, backend: BackendName, precision: Precision, batch_size: int = 16
    ) -> None:
        self.plate_format: PlateFormat = bundle.manifest.plate_format
        """What can stand on a plate."""
        self.backend: BackendName = backend
        """The inference engine in use; never another one than was asked for."""
        self.precision: Precision = precision
        """The precision in use."""
        self.description: str = engine.description
        """Engine, version, device and threads, for example ``onnxruntime 1.31.1 CPUExecutionProvider, 1 thread``."""
        self.device: str = engine.device
        """What computes: ``CPU``, ``CUDA`` or the name of a GPU; an approval is for one of them."""
        self._preprocessing: Preprocessing = bundle.manifest.preprocessing
        self._engine: Backend | None = engine
        self._batch_size = batch_size

    @classmethod
    def open(
        cls,
        bundle: str | os.PathLike[str] | Bundle,
        backend: BackendName = "onnxruntime",
        precision: Precision = "fp32",
        threads: int | None = None,
        batch_size: int = 16,
        allow_unapproved: bool = False,
    ) -> Recognizer:
        """Open a bundle and load its network.

        Args:
            bundle: the folder, or one already opened.
            backend: the inference engine; it fails rather than hand over to another one.
            precision: which of the bundle's graphs.
            threads: CPU threads for one batch; None lets the backend choose.
            batch_size: crops that go through the network at once, 1 to 256.
            allow_unapproved: whether fp16 and int8 are used even where ``edgelpr verify`` did not approve this graph on this
                backend, or did so on a device or a processor that may read otherwise.

        Raises:
            UsageError: an argument out of range.
            ApprovalError: a precision that is not approved here.
            BundleError: a bundle that cannot be used, or has no graph of this precision.
            BackendError: the engine is broken or refuses the network.
            MissingDependencyError: the engine is not installed.
        """
        if type(batch_size) is not int or not 1 <= batch_size <= _MOST_CROPS:
            raise UsageError(f"batch_size is {batch_size!r}; expected 1 to {_MOST_CROPS}")
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        if not allow_unapproved:
            check_approved(opened, precision, backend)
        engine = load_backend(backend, opened, precision, threads)
        if not allow_unapproved:
            _check_device(opened, engine, backend, precision)
        return cls(opened, engine, backend, precision, batch_size)

    def __enter__(self) -> Recognizer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the network; calling it again does nothing."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def warmup(self) -> None:
        """Run one crop and one full batch of grey, so that the first reading is not the slow one.

        Raises:
            BackendError: closed, or the engine fails.
        """
        height, width = self._preprocessing.height, self._preprocessing.width
        for count in sorted({1, self._batch_size}):
            self._run(np.full((count, height, width), 128, dtype=np.uint8))

    @overload
    def read(self, images: str | os.PathLike[str]) -> Reading: ...  # type: ignore[overload-overlap]

    @overload
    def read(self, images: NDArray[np.uint8]) -> Reading | Any: ...  # type: ignore[overload-overlap]

    @overload
    def read(self, images: Iterable[Source]) -> list[Reading]: ...

    def read(self, images: Sources) -> Reading | list[Reading]:
        """Read one crop, or many in batches.

        Args:
            images: one crop, as the path of an image file or an array (H, W) grey or (H, W, 3) BGR uint8 of any size;
                or many: a list, a generator, mixed, or one array (N, H, W, 3).

        Returns:
            A reading for one crop, a list in the same order for many.

        Raises:
            ImageError: the first crop that cannot be used; ``stream`` goes on instead.
            BackendError: closed, or the engine fails.
        """
        self._running()
        if is_single(images):
            return self._read_batch([prepare(load_image(images, "image"), self._preprocessing)])[0]
        readings = []
        for result in self.stream(images):
            if isinstance(result, ImageError):
                raise result
            readings.append(result)
        return readings

    def stream(self, images: Sources) -> Iterator[Reading | ImageError]:
        """Read crops as they come, holding no more than one batch in memory.

        Args:
            images: as for ``read``; one batch is drawn before its first reading is given out.

        Returns:
            For each crop in order its reading, or the error of one that cannot be used.

        Raises:
            ImageError: the argument is neither a crop nor something that yields crops.
            BackendError: closed, or the engine fails.
        """
        self._running()
        return self._stream(each(images))

    def maps(self, image: Source) -> NDArray[np.float32] | None:
        """HPA maps of one crop, for drawing.

        Returns:
            (P, h, w) float32, 0 to 1, spread over the whole crop, without background; None when the graph has none.

        Raises:
            ImageError: the crop cannot be used.
            BackendError: closed, or the engine fails.
        """
        maps = self._run(prepare(load_image(image, "image"), self._preprocessing).pixels[None]).maps
        return None if maps is None else maps[0].copy()

    def _stream(self, sources: Iterator[Any]) -> Iterator[Reading | ImageError]:
        numbered = enumerate(sources, 1)
        while results := [self._prepare(*item) for item in islice(numbered, self._batch_size)]:
            readings = iter(self._read_batch([crop for crop in results if not isinstance(crop, ImageError)]))
            for result in results:
                yield result if isinstance(result, ImageError) else next(readings)

    def _prepare(self, number: int, source: Any) -> Crop | ImageError:
        try:
            return prepare(load_image(source, f"image {number}"), self._preprocessing)
        except ImageError as error:
            return error

    def _read_batch(self, crops: list[Crop]) -> list[Reading]:
        if not crops:
            return []
        start = perf_counter()
        batch = crops[0].pixels[None] if len(crops) == 1 else np.stack([crop.pixels for crop in crops])
        raw = self._run(batch)
        seconds = (perf_counter() - start + sum([crop.seconds for crop in crops])) / len(crops)
        return to_readings(raw, self.plate_format, [crop.size for crop in crops], seconds)

    def _run(self, batch: Image) -> RawOutput:
        return self._running().run(batch)

    def _running(self) -> Backend:
        engine = self._engine
        if engine is None:
            raise BackendError("this recogniser was closed; open the bundle again")
        return engine


def _check_device(bundle: Bundle, engine: Backend, backend: BackendName, precision: Precision) -> None:
    """Only an opened engine tells what computes; one that is not approved there is closed again."""
    try:
        check_approved(bundle, precision, backend, engine.device)
    except ApprovalError:
        engine.close()
        raise
