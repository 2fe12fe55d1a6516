"""The recogniser: images in, readings out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import BackendError, ImageError, UsageError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import Backend, StagedBackend
from edgelpr.runtime.batching import Batch, StagedBatch
from edgelpr.runtime.decoding import to_readings
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.inputs import Crop, Source, Sources, each, is_single, load_image, prepare
from edgelpr.runtime.loading import load_approved
from edgelpr.runtime.reading import Reading
from edgelpr.types import BackendChoice, BackendName, Precision

if TYPE_CHECKING:
    from edgelpr.runtime.choosing import Choice

_MOST_CROPS = 256


class Recognizer:
    """Reads plates with the network of a bundle.

    Thread-safe: ``read``, ``stream`` and ``maps`` may be called from several threads at once on one recogniser, and
    ``close`` lets batches under way finish. A single iterator from ``stream`` belongs to one thread.

    Use ``Recognizer.open`` to make one, as a context manager or with ``close`` at the end.
    """

    def __init__(
        self,
        bundle: Bundle,
        engine: Backend,
        backend: BackendName,
        precision: Precision,
        batch_size: int = 16,
        choice: Choice | None = None,
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
        """What computes: ``CPU``, ``CUDA``, or GPU, board and version of TensorRT; an approval is for one of them."""
        self.engine_sha256: str | None = engine.engine_sha256
        """Hash of the plan that reads, which an approval is for as well; None where nothing is built."""
        self.choice: Choice | None = choice
        """What the backend ``auto`` came to, and why; None where a backend was named."""
        self._preprocessing: Preprocessing = bundle.manifest.preprocessing
        self._engine: Backend | None = engine
        self._in_flight, self._batch_size = 1, batch_size
        self._sizes: tuple[int, ...] = ()
        if isinstance(engine, StagedBackend):
            self._in_flight, self._batch_size = 2, min(batch_size, engine.largest)
            self._sizes = engine.sizes

    @classmethod
    def open(
        cls,
        bundle: str | os.PathLike[str] | Bundle,
        backend: BackendChoice = "onnxruntime",
        precision: Precision = "fp32",
        threads: int | None = None,
        batch_size: int = 16,
        allow_unapproved: bool = False,
        *,
        build: bool = False,
        device: int = 0,
        trust_engines: bool = False,
        dla: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        note: Callable[[str], None] | None = None,
    ) -> Recognizer:
        """Open a bundle and load its network.

        For TensorRT that includes the engines in the bundle. They are as much to be trusted as a program: a hash shows that a
        file is whole, and says nothing about who made it. Of a bundle from elsewhere that you do not trust, remove the folder
        ``engines`` and build your own, or read it with ONNX Runtime.

        Args:
            bundle: the folder, or one already opened.
            backend: the inference engine; it fails rather than hand over to another one. ``auto`` takes TensorRT where a GPU
                and a fitting engine are there, else ONNX Runtime, and tells why in ``choice``.
            precision: which of the bundle's graphs.
            threads: CPU threads for one batch; None lets the backend choose.
            batch_size: crops that go through the network at once, 1 to 256; an engine that takes fewer reads fewer at once.
            allow_unapproved: whether fp16 and int8 are used even where ``edgelpr verify`` did not approve this graph on this
                backend, or did so on a device or a processor that may read otherwise.
            build: for TensorRT: whether an engine is built where none fits, which takes minutes, once.
            device: for TensorRT: which GPU, counted as the driver does.
            trust_engines: for TensorRT: whether an engine that brings code for the processor, as version-compatible ones do,
                is loaded although it was not built here by this user.
            dla: for TensorRT: the DLA core (Orin NX, AGX Orin) whose engine reads, in fp16 or int8; None: an engine for the GPU
                alone, or one with a DLA where there is no other. One that is built takes batches of ``batch_size`` only.
            progress: told how far building is: how much is done, and of how much.
            note: told what ``auto`` came to, what takes time in building, and what is to be known about the engine.

        Raises:
            UsageError: an argument out of range, or one that the backend has no use for.
            ApprovalError: a precision that is not approved here.
            BundleError: a bundle that cannot be used, or has no graph of this precision.
            BackendError: the engine is broken or refuses the network; EngineError: no engine fits; DeviceError: no driver, or
                out of device memory.
            BuildError: an engine could not be built.
            MissingDependencyError: the engine is not installed.
        """
        if type(batch_size) is not int or not 1 <= batch_size <= _MOST_CROPS:
            raise UsageError(f"batch_size is {batch_size!r}; expected 1 to {_MOST_CROPS}")
        opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        opened.check_reads_crops()
        use = EngineUse(build, device, batch_size, progress, note, trust_engines, dla)
        loaded = load_approved(opened, backend, precision, threads, use, allow_unapproved)
        return cls(opened, loaded.network, loaded.backend, precision, batch_size, loaded.choice)

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
        """Run grey crops, one and a full batch, so that the first reading is not the slow one.

        On a GPU engine every batch size that it runs is tried, in as many batches as a stream has on their way: after that one
        thread, and one stream at a time, allocate nothing on the GPU. What still does is the first batch of each size in a
        further thread, or in a further stream, that reads at the same time.

        Raises:
            BackendError: closed, or the engine fails.
        """
        grey = np.full((self._preprocessing.height, self._preprocessing.width), 128, dtype=np.uint8)
        smaller = (count for count in self._sizes if count < self._batch_size)
        for count in sorted({1, self._batch_size, *smaller}):
            batches: list[Batch] = []
            try:
                for _ in range(self._in_flight):  # at once, as in a stream
                    batches.append(self._new_batch())
                    for _ in range(count):
                        batches[-1].add(prepare(grey, self._preprocessing, batches[-1].row()))
                    batches[-1].start()
                for batch in batches:
                    batch.finish()
            finally:
                for batch in batches:
                    batch.release()
        engine = self._running()
        if isinstance(engine, StagedBackend):
            engine.keep()

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
            return self._read_one(load_image(images, "image"))
        readings = []
        for result in self.stream(images):
            if isinstance(result, ImageError):
                raise result
            readings.append(result)
        return readings

    def stream(self, images: Sources) -> Iterator[Reading | ImageError]:
        """Read crops as they come, holding no more than one batch in memory, or two on a GPU engine.

        Args:
            images: as for ``read``; one batch is drawn before its first reading is given out. On a GPU engine two are: while
                one is computed, the next is prepared; where each reading is wanted at once, as from a camera, use ``read``.

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
        maps = self._running().run(prepare(load_image(image, "image"), self._preprocessing).pixels[None]).maps
        return None if maps is None else maps[0].copy()

    def _stream(self, sources: Iterator[Any]) -> Iterator[Reading | ImageError]:
        numbered = enumerate(sources, 1)
        started: deque[Batch] = deque()
        trouble: Exception | None = None
        try:
            while True:
                try:
                    batch = self._start(numbered)
                except Exception as error:  # of the source or of the engine; what is under way is given out before it
                    trouble = error
                    break
                if batch is None:
                    break
                started.append(batch)
                if len(started) == self._in_flight:
                    yield from self._results(started.popleft())
            while started:
                yield from self._results(started.popleft())
            if trouble is not None:
                raise trouble
        finally:  # a stream may be left early
            for batch in started:
                batch.release()

    def _start(self, numbered: Iterator[tuple[int, Any]]) -> Batch | None:
        """Draw a batch, prepare it and send it on its way; None at the end of the crops."""
        first = next(numbered, None)
        if first is None:
            return None
        batch = self._new_batch()
        try:
            for number, source in chain((first,), islice(numbered, self._batch_size - 1)):
                batch.add(self._prepare(number, source, batch.row()))
            batch.start()
        except BaseException:
            batch.release()
            raise
        return batch

    def _results(self, batch: Batch) -> Iterator[Reading | ImageError]:
        try:
            readings = iter(self._readings(batch))
        finally:
            batch.release()
        for result in batch.results:
            yield result if isinstance(result, ImageError) else next(readings)

    def _prepare(self, number: int, source: Any, row: Image | None) -> Crop | ImageError:
        try:
            return prepare(load_image(source, f"image {number}"), self._preprocessing, row)
        except ImageError as error:
            return error

    def _read_one(self, image: Image) -> Reading:
        batch = self._new_batch()
        try:
            batch.add(prepare(image, self._preprocessing, batch.row()))
            batch.start()
            return self._readings(batch)[0]
        finally:
            batch.release()

    def _readings(self, batch: Batch) -> list[Reading]:
        crops = batch.crops
        if not crops:
            return []
        raw = batch.finish()
        seconds = (batch.seconds + sum([crop.seconds for crop in crops])) / len(crops)
        return to_readings(raw, self.plate_format, [crop.size for crop in crops], seconds)

    def _new_batch(self) -> Batch:
        engine = self._running()
        # A protocol is slow to ask, so it was asked when this was opened.
        return StagedBatch(engine, cast(StagedBackend, engine).slot()) if self._in_flight > 1 else Batch(engine)

    def _running(self) -> Backend:
        engine = self._engine
        if engine is None:
            raise BackendError("this recogniser was closed; open the bundle again")
        return engine
