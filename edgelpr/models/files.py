"""Reading and writing the files that weights come in, without running anything that is inside them."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from edgelpr.atomic import write_atomically
from edgelpr.errors import CheckpointError

FileKind = Literal["safetensors", "pickle"]
"""``pickle`` is what ``torch.save`` writes, old or new."""

_MAX_HEADER = 100_000_000
_ZIP = b"PK\x03\x04"
_SIGNS_OF_DAMAGE = ("PytorchStreamReader", "EOF", "Ran out of input", "truncated")


def sniff(path: Path) -> FileKind:
    """Tell the kind of a file by its first bytes, whatever its suffix.

    Raises:
        CheckpointError: absent, a folder, unreadable, empty, or nothing that weights come in.
    """
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder; expected a checkpoint file (.safetensors, .pth or .pt)")
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(f"{path}: cannot be read ({reason}); expected a checkpoint file") from error
    if not head:
        raise CheckpointError(f"{path}: the file is empty; copy or download it again")
    # First, because the length of the header that such a file begins with may look like the first byte of a pickle.
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _MAX_HEADER:
        return "safetensors"
    if head.startswith((_ZIP, b"\x80")):
        return "pickle"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise CheckpointError(f"{path}: a web page, not a checkpoint; the download was redirected, fetch the file itself")
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: a Git LFS pointer, not the checkpoint itself; run: git lfs pull")
    raise CheckpointError(f"{path}: not a checkpoint; expected a safetensors file or a PyTorch .pth or .pt")


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata texts of a safetensors file.

    Raises:
        CheckpointError: cut short or damaged.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            # A copy of its own: the file may be replaced while the network lives.
            names = file.keys()
            return {name: file.get_tensor(name).clone() for name in names}, dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: cut short or damaged ({error}); copy it again") from error


def read_pickle(path: Path) -> Mapping[str, Any]:
    """What ``torch.save`` stored, tensors and plain values only; code in it is refused, never run.

    Raises:
        CheckpointError: it carries code, is of a kind that cannot be read without running code, is damaged, or is no
            dictionary.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice on other ways to load; the message below says what to do
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the bytes lead it to
        raise CheckpointError(_refusal(path, error)) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}; expected the tensors by name (a state dict)")
    return content


def _refusal(path: Path, error: Exception) -> str:
    """Why a file was refused; torch's own words stay out, because they advise to load it without protection."""
    ended = isinstance(error, (EOFError, IndexError)) or any(sign in str(error) for sign in _SIGNS_OF_DAMAGE)
    if ended or _is_half_an_archive(path):
        return f"{path}: cut short or damaged, or no PyTorch file at all; copy it again"
    return (
        f"{path}: unsafe or unsupported pickle, refused; nothing in it was run. "
        "Ask its author for the weights alone: torch.save(network.state_dict(), 'weights.pth')"
    )


def _is_half_an_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP and not zipfile.is_zipfile(file)


def write_file(path: Path, content: bytes) -> None:
    """Write a file that appears under its name whole or not at all.

    Raises:
        CheckpointError: the folder is absent or the disk full.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(f"{path}: cannot be written ({reason}); check the folder and the free space") from error
