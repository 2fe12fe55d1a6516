"""The engine's record: what a plan was built from, for what and how. It is read, and believed or not, before the plan is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from edgelpr.bundle.bundle import read_json
from edgelpr.bundle.checking import checked_keys, checked_schema, chosen, hexadecimal_hash, number, typed
from edgelpr.bundle.files import check_relative
from edgelpr.engines.auditing.audit import EngineAudit
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.plain import plain, printable, printables
from edgelpr.engines.target import Target
from edgelpr.errors import BundleError, EngineError, UsageError
from edgelpr.types import Precision

SCHEMA = 1
"""Version of the record that this edgelpr writes, and the newest that it reads."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class EngineRecord:
    """Everything that has to be known about a plan before it is loaded.

    Raises:
        BundleError: a field out of range.
    """

    target: Target
    """What it was built for."""

    precision: Precision
    """Arithmetic that was asked for."""

    graph_file: str
    """ONNX file of the bundle that it was built from."""

    graph_sha256: str
    """Hash of that file; the engine belongs to no other."""

    plan_sha256: str
    """Hash of the plan."""

    plan_bytes: int
    """Size of the plan."""

    options: BuildOptions
    """How it was built."""

    driver_version: int | None
    """CUDA version of the driver, 12060 for 12.6; None where there was none."""

    edgelpr_version: str
    """Version of edgelpr that built it."""

    built: str
    """When, in UTC: ``2025-01-31T12:00:00Z``."""

    seconds: float
    """How long the build took."""

    notes: tuple[str, ...] = ()
    """What the build had to say."""

    audit: EngineAudit | None = None
    """What is in the plan; None where it could not be looked into."""

    def __post_init__(self) -> None:
        check_relative(self.graph_file, "engine record: graph_file")
        hexadecimal_hash(self.graph_sha256, "engine record: graph_sha256")
        hexadecimal_hash(self.plan_sha256, "engine record: plan_sha256")
        if self.plan_bytes < 1 or self.seconds < 0:
            found = f"{self.plan_bytes} bytes in {self.seconds} s"
            raise BundleError(f"engine record: {found}; expected a plan of 1 byte or more, and no negative time")
        if not _TIME.fullmatch(self.built):
            raise BundleError(f"engine record: built '{self.built}'; expected a time in UTC such as 2025-01-31T12:00:00Z")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return {
            "schema": SCHEMA,
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "target": self.target.to_dict(),
            "options": self.options.to_dict(),
            "notes": list(self.notes),
            "audit": None if self.audit is None else self.audit.to_dict(),
        }

    def to_json(self) -> bytes:
        """The content of the record's file."""
        return (json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode("utf-8")

    @classmethod
    def from_dict(cls, values: Any, where: str = "engine record") -> EngineRecord:
        """Build from plain values.

        Raises:
            BundleError: written by a newer edgelpr, a missing or an unknown key, or a value that does not fit.
        """
        checked_schema(values, SCHEMA, "engine record", "or build the engine again with this version", where)
        values = checked_keys(values, ["schema", *(field.name for field in fields(cls))], where)
        driver, audit = values["driver_version"], values["audit"]
        return cls(
            target=Target.from_dict(values["target"], f"{where}: target"),
            precision=chosen(values["precision"], get_args(Precision), f"{where}: precision"),
            graph_file=printable(values["graph_file"], f"{where}: graph_file"),
            graph_sha256=hexadecimal_hash(values["graph_sha256"], f"{where}: graph_sha256"),
            plan_sha256=hexadecimal_hash(values["plan_sha256"], f"{where}: plan_sha256"),
            plan_bytes=typed(values["plan_bytes"], int, f"{where}: plan_bytes"),
            options=BuildOptions.from_dict(values["options"], f"{where}: options"),
            driver_version=None if driver is None else typed(driver, int, f"{where}: driver_version"),
            edgelpr_version=printable(values["edgelpr_version"], f"{where}: edgelpr_version"),
            built=printable(values["built"], f"{where}: built"),
            seconds=number(values["seconds"], f"{where}: seconds"),
            notes=printables(values["notes"], f"{where}: notes"),
            audit=None if audit is None else EngineAudit.from_dict(audit, f"{where}: audit"),
        )


def read_record(path: Path) -> EngineRecord:
    """The record in a file. Its texts, and those of the errors, can be shown on a terminal as they are.

    Raises:
        EngineError: it cannot be read, or is no record that this version understands.
    """
    try:
        return EngineRecord.from_dict(read_json(path), str(path))
    except OSError as error:
        raise EngineError(plain(f"{path}: cannot be read ({error.strerror or error}); check its permissions")) from error
    except (BundleError, UsageError) as error:
        found = str(error) if str(path) in str(error) else f"{path}: {error}"
        raise EngineError(plain(f"{found}. It is not used; build the engine again")) from error
