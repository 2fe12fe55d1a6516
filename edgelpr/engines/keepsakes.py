"""What the user's cache folder keeps about a plan that lies elsewhere: that it was built here, and kernels compiled for it.

It goes by the plan's hash, so it holds wherever the plan lies, and it is removed where edgelpr removes the plan.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from edgelpr.engines.placing import cache_folder
from edgelpr.errors import EngineError

_BUILT_HERE, _KERNELS = "built-here", "kernels"
_SUFFIX = ".kernels"
_PREFIX = 16


def marker_of(plan_sha256: str) -> Path:
    """The file that says that a plan was built here.

    Args:
        plan_sha256: hash of the plan.

    Raises:
        EngineError: this user has no cache folder.
    """
    return cache_folder() / _BUILT_HERE / plan_sha256


def kernels_of(plan_sha256: str, gpu: str) -> Path:
    """The file with the kernels that were compiled for a plan on a GPU.

    Args:
        plan_sha256: hash of the plan.
        gpu: name of the GPU.

    Raises:
        EngineError: this user has no cache folder.
    """
    name = re.sub(r"[^A-Za-z0-9.]+", "-", gpu).strip("-")
    return cache_folder() / _KERNELS / f"{plan_sha256[:_PREFIX]}-{name}{_SUFFIX}"


def forget(plan_sha256: str) -> None:
    """Remove all that is kept about a plan which is gone; what cannot be removed stays, and so do links and folders.

    Args:
        plan_sha256: hash of the plan.
    """
    with contextlib.suppress(EngineError):
        for path in (marker_of(plan_sha256), *_kernels_of_all(plan_sha256)):
            if path.is_file() and not path.is_symlink() and not path.parent.is_symlink():
                with contextlib.suppress(OSError):
                    path.unlink()


def _kernels_of_all(plan_sha256: str) -> Iterator[Path]:
    """On every GPU."""
    return (cache_folder() / _KERNELS).glob(f"{plan_sha256[:_PREFIX]}-*{_SUFFIX}")
