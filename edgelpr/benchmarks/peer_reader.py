"""Other people's readers under the same rules: an ONNX file, or a Python function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.reader import BaseReader
from edgelpr.benchmarks.bench.run import Model
from edgelpr.benchmarks.peer_input import PeerInput, describe_peer_input
from edgelpr.bundle.files import hash_file
from edgelpr.errors import BackendError, UsageError, in_one_line, require
from edgelpr.preprocessing.images import Image
from edgelpr.types import PeerLayout, Scope


class OnnxPeer(BaseReader):
    """A stranger's graph in ONNX Runtime on the CPU. What its outputs mean is not needed to time it.

    Args:
        session: an ``onnxruntime.InferenceSession``.
        taken: what it takes.
        name: for people.
        description: engine and threads.
        threads: of the processor.
        sha256: of its file.
    """

    backend, precision = "peer", "as given"
    scopes: tuple[Scope, ...] = ("network only", "end to end")
    remark = (
        "its graph alone is timed in 'network only'; in 'end to end' the preprocessing is generic (resized, scaled to 0..1) "
        "and its outputs are not decoded, so that its own code takes longer than this"
    )

    def __init__(
        self, session: Any, taken: PeerInput, name: str, description: str, threads: int | None = None, sha256: str | None = None
    ) -> None:
        self.taken, self.name, self.description, self.threads = taken, name, description, threads
        self.model, self.batch = Model(name, graph_sha256=sha256), taken.batch
        self.height_width = (taken.height, taken.width)
        self._session = session

    def prepare(self, batch: NDArray[np.uint8]) -> NDArray[Any]:
        """Laid out, and scaled where the graph takes no bytes."""
        return self.taken.feed(batch)

    def run_network(self, prepared: NDArray[Any]) -> object:
        """The graph alone.

        Raises:
            BackendError: the engine fails.
        """
        return self._run(prepared)

    def read(self, crops: Sequence[Image]) -> list[str]:
        """Resize and run decoded crops, one by one; texts are empty, because what the outputs mean is not known.

        Raises:
            BackendError: the engine fails.
        """
        for crop in crops:
            self._run(self.taken.prepare(crop))
        return [""] * len(crops)

    def close(self) -> None:
        """Free the session."""
        self._session = None

    def _run(self, feed: NDArray[Any]) -> object:
        if self._session is None:
            raise BackendError(f"{self.name}: was closed")
        try:
            return self._session.run(None, {self.taken.name: feed})
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise BackendError(
                f"{self.name}: onnxruntime failed on {feed.dtype} {feed.shape} ({in_one_line(error)})"
            ) from error


class CallablePeer(BaseReader):
    """A function of the user's, from decoded crops to texts; timed end to end only.

    Args:
        function: takes a list of crops (H, W, 3) BGR, uint8, and returns a text each.
        name: ``module:function``.
    """

    backend, precision = "peer", "as given"
    scopes: tuple[Scope, ...] = ("end to end",)
    remark = "a Python function, timed end to end with whatever it does"
    batch: int | None = None

    def __init__(self, function: Callable[[list[Image]], object], name: str) -> None:
        self.name, self.description, self.model = name, f"Python function {name}", Model(name)
        self._function = function

    def network_input(self, crops: Sequence[Image]) -> NDArray[np.uint8]:
        """Refused.

        Raises:
            UsageError: always: a function has no network to time apart.
        """
        raise self._no_network()

    def run_network(self, prepared: Any) -> object:
        """Refused.

        Raises:
            UsageError: always: a function has no network to time apart.
        """
        raise self._no_network()

    def read(self, crops: Sequence[Image]) -> list[str]:
        """Texts of crops.

        Raises:
            BackendError: the function fails, ends the program, or does not return a text a crop.
        """
        try:
            found = self._function(list(crops))
            texts = found if isinstance(found, (str, bytes)) or not isinstance(found, Iterable) else list(found)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the user's code may raise anything, and may call sys.exit
            raise BackendError(f"{self.name}: failed on {_crops(crops)} ({_in_words(error)})") from error
        if not isinstance(texts, list):
            raise BackendError(f"{self.name}: returned {_a(texts)} for {_crops(crops)}; expected a list with a text for each")
        if len(texts) != len(crops):
            raise BackendError(f"{self.name}: returned {len(texts)} results for {_crops(crops)}; expected one text a crop")
        other = next((text for text in texts if not isinstance(text, str)), "")
        if not isinstance(other, str):
            raise BackendError(
                f"{self.name}: returned {_a(other)} as the reading of a crop; expected a text, empty where none is"
            )
        return texts

    def _no_network(self) -> UsageError:
        return UsageError(f"{self.name}: a function is timed end to end; its network cannot be timed apart")


def _crops(crops: Sequence[Image]) -> str:
    return f"{len(crops)} crop{'' if len(crops) == 1 else 's'}"


def _a(value: object) -> str:
    return "None" if value is None else f"a value of the type {type(value).__name__}"


def _in_words(error: BaseException) -> str:
    """Named where it is no error but an end: of a program, a generator, a task."""
    said = in_one_line(error)
    return said if isinstance(error, Exception) else f"{type(error).__name__}: {said}"


def open_onnx_peer(path: Path, threads: int, size: tuple[int, int] | None = None, layout: PeerLayout | None = None) -> OnnxPeer:
    """Open a stranger's graph.

    Args:
        path: the ONNX file.
        threads: processor threads, as many as ours has beside it.
        size: width and height, where the graph takes any.
        layout: order of its axes, where its shape fits several.

    Raises:
        UsageError: no such file, or what it takes is not one picture.
        BackendError: ONNX Runtime refuses it.
        MissingDependencyError: ONNX Runtime is not installed.
    """
    runtime = require("onnxruntime", "export", "timing a peer")
    if not path.is_file():
        raise UsageError(f"{path}: no such file; --peer takes an ONNX file")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base of their own
        raise BackendError(f"{path}: onnxruntime does not open it ({in_one_line(error)}); is it an ONNX file?") from error
    taken = describe_peer_input(session.get_inputs(), str(path), size, layout)
    description = f"onnxruntime {runtime.__version__} CPUExecutionProvider, {threads} thread{'s' if threads > 1 else ''}"
    return OnnxPeer(session, taken, path.name, description, threads, hash_file(path)[0])


def open_callable_peer(name: str) -> CallablePeer:
    """Import a function that the user names; this runs the module's code, as Python's ``import`` does.

    Args:
        name: ``module:function``.

    Raises:
        UsageError: another form, no such module or function, or something that cannot be called.
    """
    module_name, separator, attribute = name.partition(":")
    if not separator or not module_name or not attribute:
        raise UsageError(f"--peer-callable is {name!r}; expected module:function")
    try:
        function = getattr(import_module(module_name), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing runs the module, which may raise anything, and may call sys.exit
        raise UsageError(
            f"--peer-callable {name}: cannot be imported ({_in_words(error)}); is its folder on PYTHONPATH?"
        ) from error
    if not callable(function):
        raise UsageError(f"--peer-callable {name}: is a {type(function).__name__}; expected a function of a list of crops")
    return CallablePeer(function, name)
