"""A bundle's track graph as an ONNX Runtime session."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgelpr.bundle.approval import DEVICES_OF_ONNXRUNTIME
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import FRAMES, PRESENT, Graph
from edgelpr.errors import BackendError
from edgelpr.runtime.backends.onnxruntime import loader


class TrackOutput(NamedTuple):
    """What the network returns for N tracks of F frames and P positions; arrays belong to the caller."""

    classes: NDArray[np.int32]
    """(N, P) index of the winning class."""

    probabilities: NDArray[np.float32]
    """(N, P) its probability, 0 to 1."""

    quality: NDArray[np.float32] | None = None
    """(N, F) 0 to 1, 0 for absent frames; None when the graph has no such output, as below."""

    temporal: NDArray[np.float32] | None = None
    """(N, F, h, w) weights, 0 to 2."""

    attention: NDArray[np.float32] | None = None
    """(N, P, F, w) shares, summing to 1 over F and w."""


class TrackNetwork:
    """A session that reads tracks; safe to use from several threads, as ONNX Runtime's sessions are.

    Args:
        session: an ``onnxruntime.InferenceSession``.
        graph: what the session was made from.
        description: engine, version, device and threads, for people.
        threads: CPU threads of the session; with more than one it cannot be used after a fork.
    """

    def __init__(self, session: Any, graph: Graph, description: str, threads: int) -> None:
        self._session, self._graph = session, graph
        self.description = description
        """Engine, version, device and threads, for people."""
        self._process = os.getpid() if threads > 1 else None

    @classmethod
    def load(cls, bundle: Bundle, threads: int | None) -> TrackNetwork:
        """Open the graph: on CUDA when the installed ONNX Runtime has it, else on the CPU.

        Args:
            bundle: an opened bundle.
            threads: CPU threads for one track; None: as many as this process may use, at most 8.

        Raises:
            BundleError: the bundle reads crops, or its graph contradicts the manifest.
            BackendError: ONNX Runtime is broken or refuses the graph.
            MissingDependencyError: ONNX Runtime is not installed.
        """
        graph = bundle.track_graph()
        path = str(bundle.file(graph.file))
        runtime = loader.import_runtime()
        threads = threads or loader.default_threads()
        session = loader.open_session(runtime, path, threads)
        loader.check_contract(session, graph, path)
        provider = session.get_providers()[0]
        count = f"{threads} thread{'s' if threads > 1 else ''}"
        where = f"{provider}, {count}" if DEVICES_OF_ONNXRUNTIME[provider] == "CPU" else provider
        return cls(session, graph, f"onnxruntime {runtime.__version__} {where}", threads)

    @property
    def gives_quality(self) -> bool:
        """Whether frames are scored."""
        return "quality" in self._graph.outputs

    def run(self, frames: NDArray[np.uint8], present: NDArray[np.uint8]) -> TrackOutput:
        """Read tracks.

        Args:
            frames: (N, F, H, W) grey, 0 to 255.
            present: (N, F), 1 for a frame that is there, 0 for one that is not.

        Raises:
            BackendError: closed, used after a fork, or the session fails.
        """
        session = self._session  # kept here, so that close() in another thread cannot pull it away
        if session is None:
            raise BackendError("this track recogniser was closed; open the bundle again")
        if self._process is not None and self._process != os.getpid():
            raise BackendError("this track recogniser was opened before a fork, which its threads do not survive")
        try:
            arrays = session.run(self._graph.outputs, {FRAMES: frames, PRESENT: present})
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise BackendError(f"{self._graph.file}: onnxruntime failed on {len(frames)} tracks ({error})") from error
        return TrackOutput(**dict(zip(self._graph.outputs, arrays)))

    def close(self) -> None:
        """Free the session once no track is read in it."""
        self._session = None
