"""TensorRT's own log, through Python's logging under the name ``edgelpr.tensorrt``."""

from __future__ import annotations

import contextlib
import logging
from types import ModuleType
from typing import Any

from edgelpr.errors import in_one_line

LOGGER = logging.getLogger("edgelpr.tensorrt")
"""Silent unless the program that uses edgelpr, or ``--verbose``, gives it a handler."""

LOGGER.addHandler(logging.NullHandler())

_LEVELS = {
    "INTERNAL_ERROR": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.INFO,
    "VERBOSE": logging.DEBUG,
}
_NO_DRIVER = ("cudaError 35", "catchCudaError")  # said on every machine without a GPU, whatever is built
_LONGEST = 600


class Said:
    """What TensorRT said while it worked, for our messages.

    Args:
        keep: whether to keep all of it; thousands of lines in a build.
    """

    def __init__(self, keep: bool = False) -> None:
        self._keep = keep
        self.messages: list[str] = []
        """Where they are kept, all in order, verbose ones too: without a GPU the builder's table of layers is only there."""

        self.errors: list[str] = []
        """Lines of errors, each once, in order."""

        self.warnings: list[str] = []
        """Lines of warnings, each once, in order."""

    def note(self, severity: str, message: str) -> None:
        """Take one message of TensorRT's; the severity by its TensorRT name."""
        LOGGER.log(_LEVELS.get(severity, logging.INFO), "%s", message)
        if self._keep:
            self.messages.append(message)
        if severity in ("INTERNAL_ERROR", "ERROR"):
            self.errors += [line for line in essence(message) if line not in self.errors]
        elif severity == "WARNING" and message not in self.warnings:
            self.warnings.append(message)

    @property
    def reason(self) -> str:
        """The errors in one line."""
        return "; ".join(self.errors)[:_LONGEST] or "it gave no reason"


def cannot_start(whose: str, said: Said, error: Exception | None = None) -> str:
    """For a part of TensorRT that is not made, mostly because CUDA does not start.

    Args:
        whose: name and version.
        said: what TensorRT said.
        error: what its bindings raised; it counts where TensorRT said nothing.
    """
    reason = said.reason if said.errors or error is None else in_one_line(error)
    return f"{whose} cannot start: {reason}. 'edgelpr doctor' says what stands in the way"


def essence(message: str) -> list[str]:
    """The lines of a message, without those that only say that no GPU is there."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return [line for line in lines if not any(words in line for words in _NO_DRIVER)]


def create_log(module: ModuleType, said: Said) -> Any:
    """An ``ILogger`` of this TensorRT that notes what it hears.

    It never raises: what is raised in a callback may end the process inside TensorRT.
    """

    class Log(module.ILogger):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            with contextlib.suppress(BaseException):
                said.note(severity.name, message)

    return Log()
