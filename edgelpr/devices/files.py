"""Reading what the kernel and the system tell in small files; what is absent or garbled is simply not known."""

from __future__ import annotations

from pathlib import Path

_LARGEST = 16 << 20
"""In bytes; the list of installed packages is the largest of these files."""


def read_text(path: Path) -> str | None:
    """The text of a file without the white space and NULs around it; None where there is none to read."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST)
    except (OSError, ValueError):  # some temperature sensors answer with an error while they sleep
        return None
    return content.decode("utf-8", "replace").strip("\0 \t\r\n") or None


def read_words(path: Path) -> tuple[str, ...]:
    """The texts of a file of the device tree, each ended by a NUL."""
    return tuple(word for word in (read_text(path) or "").split("\0") if word)


def read_number(path: Path) -> int | None:
    """The whole number in a file; None where there is none."""
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None


def folders(parent: Path, pattern: str = "*") -> tuple[Path, ...]:
    """What a folder holds, in the order of its names; nothing where it cannot be read."""
    try:
        return tuple(sorted(parent.glob(pattern)))
    except OSError:
        return ()
