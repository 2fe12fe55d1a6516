"""Running batches through an ONNX Runtime session."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.bundle.graph import Graph
from edgelpr.errors import BackendError
from edgelpr.preprocessing.crop import scale
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import raw_output


class OnnxRuntimeRunner:
    """A session and how to feed it; safe to use from several threads, as ONNX Runtime's sessions are.

    The arrays that ``run`` returns are allocated by ONNX Runtime for that call and belong to the caller.

    Args:
        session: an ``onnxruntime.InferenceSession``.
        graph: what the session was made from.
        mask: (P, S) which classes may stand where, or None; used when the graph returns class scores.
        description: for people.
        device: what computes.
        threads: CPU threads of the session; with more than one it cannot be used after a fork.
    """

    def __init__(
        self,
        session: Any,
        graph: Graph,
        mask: NDArray[np.bool_] | None,
        description: str,
        device: str = "CPU",
        threads: int = 1,
    ) -> None:
        self._session, self._graph, self._mask = session, graph, mask
        self._inputs = graph.inputs
        self._description, self._device = description, device
        self._process = os.getpid() if threads > 1 else None

    @property
    def description(self) -> str:
        """Version, execution provider and threads."""
        return self._description

    @property
    def device(self) -> str:
        """Of the execution provider: ``CPU`` or ``CUDA``."""
        return self._device

    @property
    def engine_sha256(self) -> str | None:
        """None: nothing is built."""
        return None

    def run(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """Read a batch; see the protocol.

        Raises:
            BackendError: closed, used after a fork, or the session fails.
        """
        session = self._session  # kept here, so that close() in another thread cannot pull it away
        if session is None:
            raise BackendError("the onnxruntime backend was closed; open the bundle again")
        if self._process is not None and self._process != os.getpid():
            raise BackendError("the onnxruntime backend was opened before a fork, which its threads do not survive")
        graph = self._graph
        feeds = {
            each.name: given if each.dtype == "uint8" else scale(given, graph.channels)
            for each, given in zip(self._inputs, inputs, strict=True)
        }
        try:
            arrays = session.run(graph.outputs, feeds)
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise BackendError(f"{graph.file}: onnxruntime failed on a batch of {len(inputs[0])} ({error})") from error
        return raw_output(graph.outputs, arrays, self._mask)

    def close(self) -> None:
        """Free the session once no batch runs in it."""
        self._session = None
