"""An execution context of TensorRT, behind calls that say what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgelpr.engines.speaking import Said
from edgelpr.errors import BackendError


class Context:
    """Runs an engine on batches of one size at a time; belongs to one lane.

    Only this holds TensorRT's object, so that ``close`` frees it even while an exception still holds the frames that used it.

    Args:
        context: an ``IExecutionContext``.
        said: hears TensorRT's complaints.
        where: the engine's file, for messages.
    """

    def __init__(self, context: Any, said: Said, where: str) -> None:
        self._context, self._said, self._where = context, said, where

    def select_profile(self, stream: int) -> None:
        """Take the engine's one optimisation profile, which TensorRT 8 gives to the first context only.

        What it queues in the stream must be through before the context is used in another one.

        Raises:
            BackendError: TensorRT refuses.
        """
        self._check(self._context.set_optimization_profile_async(0, stream), "cannot take its optimisation profile")

    def place(self, addresses: Mapping[str, int]) -> None:
        """Say where each tensor lies, by name.

        Raises:
            BackendError: TensorRT refuses an address.
        """
        for name, address in addresses.items():
            self._check(self._context.set_tensor_address(name, address), f"has no place for '{name}'")

    def reshape(self, name: str, shape: tuple[int, ...]) -> None:
        """Set the shape of an input.

        Raises:
            BackendError: TensorRT refuses it.
        """
        self._check(self._context.set_input_shape(name, shape), f"failed on a batch of {shape[0]}")

    def can_be_captured(self, stream: int) -> bool:
        """Whether a batch can become a CUDA graph; where TensorRT does not tell, trying does."""
        allowed = getattr(self._context, "is_stream_capturable", None)  # TensorRT-RTX
        return allowed is None or bool(allowed(stream))

    def enqueue(self, count: int, stream: int) -> None:
        """Queue a batch of the shape that was set.

        Raises:
            BackendError: TensorRT fails.
        """
        self._check(self._context.execute_async_v3(stream), f"failed on a batch of {count}")

    def listen(self, listener: Any) -> None:
        """Tell a listener of ``timing`` how long each layer takes, from now on; batches then run layer by layer.

        Args:
            listener: kept by the caller as long as the context runs.
        """
        self._context.profiler = listener

    def close(self) -> None:
        """Free the context; nothing may run in it. Again: nothing."""
        self._context = None

    def _check(self, worked: bool, what: str) -> None:
        if not worked:
            complaint = f" ({self._said.errors[-1]})" if self._said.errors else ""
            raise BackendError(f"{self._where}: {what}{complaint}")
