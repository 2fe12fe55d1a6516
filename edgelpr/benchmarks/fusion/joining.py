"""Parts that were measured at different times, in one result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgelpr.errors import UsageError


def join_results(before: Mapping[str, Any], result: Mapping[str, Any], where: Path) -> dict[str, Any]:
    """A result with the parts of an earlier one that were not measured again.

    Args:
        before: the earlier one.
        result: the new one.
        where: the file of the earlier one, for messages.

    Raises:
        UsageError: it is of another network, was measured with other versions, or its plates were rendered with other glyphs.
    """
    kept = {name: part for name, part in before["parts"].items() if name not in result["parts"]}
    if kept and before["network"]["sha256"] != result["network"]["sha256"]:
        raise UsageError(f"{where}: is of other weights; measure all parts, without --only, or name another --output")
    if kept and before["machine"]["versions"] != result["machine"]["versions"]:
        raise UsageError(f"{where}: was measured with other versions; measure all parts, without --only")
    parts = kept | dict(result["parts"])
    if len({_glyphs(part["set"]) for part in parts.values() if "glyphs" in part.get("set", {})}) > 1:
        raise UsageError(f"{where}: its plates were rendered with other glyphs; name the same --glyphs, or another --output")
    measured = {name: when for name, when in before.get("measured", {}).items() if name in kept}
    return {**result, "measured": measured | dict(result["measured"]), "parts": parts}


def _glyphs(rendered: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return rendered.get("glyphs"), rendered.get("glyphs_sha256")


def frozen_set(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The rendered set that a result is of; None where it has none."""
    for name in ("rendered", "frames"):
        if name in result["parts"]:
            found: Mapping[str, Any] = result["parts"][name]["set"]
            return found
    return None
