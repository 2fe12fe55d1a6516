"""This Python: its version, its environment and what pip has installed for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path


@dataclass(frozen=True)
class Distribution:
    """A package that pip, or the system's own packaging, installed for a Python."""

    name: str
    """In lower case, with hyphens: ``onnxruntime-gpu``."""

    version: str
    """Its version."""

    folder: str
    """Where it lies."""

    @property
    def from_system(self) -> bool:
        """Whether apt installed it, as JetPack's are: Debian's Pythons have ``dist-packages`` below ``/usr/lib``."""
        return Path(self.folder).as_posix().startswith("/usr/lib/python3")


@dataclass(frozen=True)
class Python:
    """The Python that runs edgelpr."""

    version: tuple[int, int, int]
    """Like (3, 10, 12)."""

    executable: str
    """The interpreter."""

    environment: str | None
    """Folder of its virtual environment; None outside one."""

    sees_system: bool
    """Whether packages of the system are visible to it."""

    distributions: tuple[Distribution, ...]
    """What is installed for it."""

    @property
    def minor(self) -> str:
        """Like ``3.10``: what compiled packages are for."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def text(self) -> str:
        """For people."""
        where = f"in the virtual environment {self.environment}" if self.environment else self.executable
        return f"Python {'.'.join(map(str, self.version))}, {where}"

    def installed(self, *names: str) -> tuple[Distribution, ...]:
        """The distributions of these names that are installed."""
        return tuple(found for found in self.distributions if found.name in names)


def describe_python() -> Python:
    """The Python that runs this."""
    environment = sys.prefix if sys.prefix != sys.base_prefix else None
    sees_system = "dist-packages" in "".join(sys.path) if environment is None else sees_system_packages(Path(environment))
    return Python(sys.version_info[:3], sys.executable, environment, sees_system, tuple(_distributions()))


def sees_system_packages(environment: Path) -> bool:
    """Whether a virtual environment was made with ``--system-site-packages``; False where its settings cannot be read."""
    try:
        lines = (environment / "pyvenv.cfg").read_text("utf-8", "replace").lower().splitlines()
    except OSError:
        return False
    settings = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return settings.get("include-system-site-packages") == "true"


def _distributions() -> list[Distribution]:
    """Each name once, the one that is found first, since that is imported; unfinished removals have no name."""
    found: dict[str, Distribution] = {}
    for each in distributions():
        name = each.metadata["Name"]
        if name:
            key = name.lower().replace("_", "-").replace(".", "-")
            found.setdefault(key, Distribution(key, each.version or "unknown", str(each.locate_file(""))))
    return sorted(found.values(), key=lambda each: each.name)
