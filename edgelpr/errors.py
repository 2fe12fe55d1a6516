"""Everything edgelpr raises on purpose.

    EdgelprError                    a user can act on it; the command line prints it without a traceback
    ├── UsageError                  arguments that do not go together (exit code 2)
    ├── MissingDependencyError      an optional package is absent; names the extra that brings it
    ├── PlateFormatError            a plate format with a mistake, or a plate that does not fit one
    ├── ImageError                  a file or an array that is not a usable crop
    ├── DataError                   labelled data that cannot be used: labels, folders, glyphs
    ├── CheckpointError             a file that is not a checkpoint of the network it is meant for
    ├── BundleError                 a bundle that is incomplete, altered, newer than this version, or unsafe
    ├── ApprovalError               a precision that was not verified on this engine, or lost too many plates there
    ├── ExportError                 an export that did not finish
    │   └── ParityError             an exported graph that differs from the PyTorch network
    ├── CalibrationError            crops that cannot calibrate, or a calibration record of something else
    ├── TrainingError               a run that cannot start, resume or go on
    ├── BuildError                  an engine that could not be built
    └── BackendError                an inference engine that is absent, refuses the graph or fails
        ├── EngineError             an engine file that was built for something else, is damaged or cannot be used
        └── DeviceError             no driver or one too old, no device memory left, a device used after a fork

Messages name the file, what was expected, what was found and what to do next.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

_LONGEST_LINE = 300


class EdgelprError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class UsageError(EdgelprError):
    """Arguments that do not go together."""

    exit_code = 2


class MissingDependencyError(EdgelprError):
    """An optional package is absent; the message names the extra that installs it."""


class PlateFormatError(EdgelprError):
    """A plate format with a mistake in it, or a plate that does not fit its format."""


class ImageError(EdgelprError):
    """A file or an array that cannot be used as a crop of a plate."""


class DataError(EdgelprError):
    """Labelled data, a folder or a set of glyphs that cannot be used."""


class CheckpointError(EdgelprError):
    """A file that is not a checkpoint of the network it is meant for."""


class BundleError(EdgelprError):
    """A bundle that is incomplete, altered, newer than this version, or that points outside its folder."""


class ApprovalError(EdgelprError):
    """A precision of a bundle that was not verified on this engine and machine, or lost too many plates there."""


class ExportError(EdgelprError):
    """An export that did not finish; nothing was left behind."""


class ParityError(ExportError):
    """An exported graph whose outputs differ from the PyTorch network's."""


class CalibrationError(EdgelprError):
    """Crops that cannot calibrate a network, or a calibration record that belongs to something else."""


class TrainingError(EdgelprError):
    """A training run that cannot start, resume or go on."""


class BuildError(EdgelprError):
    """An engine that could not be built; nothing was left behind."""


class BackendError(EdgelprError):
    """An inference engine that is absent, refuses the graph or fails while running."""


class EngineError(BackendError):
    """An engine file that was built for something else, is damaged or cannot be used here."""


class DeviceError(BackendError):
    """No driver or one too old, no device memory left, or a device used after a fork."""


def in_one_line(error: BaseException) -> str:
    """What an error of another library says, in one line of at most 300 characters, for a message of ours."""
    return " ".join(str(error).split())[:_LONGEST_LINE] or type(error).__name__


def require(module: str, extra: str, purpose: str, package: str | None = None) -> ModuleType:
    """Import an optional package, or say which extra installs it.

    Args:
        module: the name to import, for example ``torch``.
        extra: the extra of edgelpr that depends on it, for example ``export``.
        purpose: what needs it, for the message, for example ``exporting a checkpoint``.
        package: what to install instead of the extra, where the extra would bring far more than a board needs.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        install = f"pip install '.[{extra}]' in a clone of edgelpr" if package is None else f"pip install {package}"
        raise MissingDependencyError(
            f"{purpose} needs the package '{module}', which is not installed. Run: {install}"
        ) from error
