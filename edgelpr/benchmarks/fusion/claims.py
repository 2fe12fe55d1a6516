"""What the comparison has to show, and whether it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any

from edgelpr.benchmarks.fusion.readers import best_rule
from edgelpr.benchmarks.fusion.rules import RULES
from edgelpr.benchmarks.fusion.trained import steps_in_words, trained_whole

MARGIN = 0.02
"""Whole plates above the best simple fusion."""

QUALITY_MARGIN = 0.01
"""Whole plates above the network without the quality branch."""

CORRELATION = 0.90
"""LCC and SROCC."""

AREA = 0.95
"""Area under the ROC curve for mixed plates."""

ALONE = (0.4, 0.6)
"""Share of tracks whose one frame alone is read, which makes the set neither easy nor hopeless."""

_TOLD_BY = {"confidence": "the confidence", "same-plate": "the least likeness of two frames"}
_TITLES = {rule.name: rule.title for rule in RULES}


def claims(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every target of the parts that were measured; one without the network that it is against is not met.

    Args:
        parts: of a result.

    Returns:
        ``target``, ``found`` in words, and ``met``.
    """
    found: list[dict[str, Any]] = []
    rendered, frames, mixed = parts.get("rendered"), parts.get("frames"), parts.get("mixed")
    real = parts.get("real", {"sets": ()})["sets"]
    if rendered is not None:
        found += [_alone(rendered), *_fusions(rendered), *_parts(rendered), *_quality(rendered)]
    for measured in real:
        found += _fusions(measured, f", tracks from crops of {measured['set']['data']}")
    if frames is not None:
        found.append(_rising(frames))
    if mixed is not None:
        found += _mixed(mixed)
    return found


def _alone(rendered: Mapping[str, Any]) -> dict[str, Any]:
    single = rendered["singles"][0]
    share = next(rule["accuracy"] for rule in single["rules"] if rule["rule"] == "any")
    target = f"one frame alone is read by {single['name']} in {ALONE[0]:.0%} to {ALONE[1]:.0%} of cases"
    return _claim(target, f"{share:.1%}", ALONE[0] <= share <= ALONE[1])


def _fusions(measured: Mapping[str, Any], where: str = "") -> list[dict[str, Any]]:
    rows = []
    for single in measured["singles"]:
        if single["own"]:  # its own frames one by one are no other reader
            continue
        best = best_rule(single["rules"])
        target = f"{100 * MARGIN:.0f} points above the best simple fusion of {single['name']}{where}"
        found = f"{_points(best['against'])} to: {_TITLES[best['rule']]}"
        rows.append(_claim(target, found, best["against"]["difference"] >= MARGIN))
    return rows


def _parts(rendered: Mapping[str, Any]) -> list[dict[str, Any]]:
    target = f"{100 * QUALITY_MARGIN:.0f} point above the network without the quality branch"
    rows = []
    for row in rendered["ablation"]:
        if row["quality"] is None:
            steps = steps_in_words(row, rendered["network"])
            whole = trained_whole(row, rendered["network"])
            name = row["name"] if whole else f"{row['name']}, trained for {steps} steps only"
            # A network that was trained for less is no comparison.
            met = whole and row["against"]["difference"] >= QUALITY_MARGIN
            rows.append(_claim(target, f"{_points(row['against'])} to {name}", met))
    return rows or [_claim(target, "not measured: no such network was named", False)]


def _quality(rendered: Mapping[str, Any]) -> list[dict[str, Any]]:
    quality = rendered["quality"]
    if quality is None:
        return []
    target = f"LCC and SROCC of the scores at least {CORRELATION:.2f}"
    found = f"{quality['lcc']:.3f} and {quality['srocc']:.3f}"
    return [_claim(target, found, min(quality["lcc"], quality["srocc"]) >= CORRELATION)]


def _rising(frames: Mapping[str, Any]) -> dict[str, Any]:
    shares = [point["accuracy"] for point in frames["first"]]
    rises = all(after > before for before, after in pairwise(shares))
    return _claim("accuracy rises with each frame", ", ".join(f"{share:.1%}" for share in shares), rises)


def _mixed(mixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By what a reading returns; other candidates are in the table."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for row in mixed["rows"]:
        kinds.setdefault(f"{row['other_plate']} plates, hardness {row['hardness']:g}", []).append(row)
    for row in mixed.get("real", ()):
        kinds.setdefault(f"tracks from crops of {row['data']}", []).append(row)
    rows = []
    for (kind, chosen), (figure, name) in product(kinds.items(), _TOLD_BY.items()):
        areas = [row["figures"][figure]["auroc"] for row in chosen]
        found = ", ".join(f"{area:.3f} ({row['frames_of_other']} of 5)" for area, row in zip(areas, chosen))
        rows.append(_claim(f"AUROC of {name} at least {AREA:.2f}: {kind}", found, min(areas) >= AREA))
    return rows


def _claim(target: str, found: str, met: bool) -> dict[str, Any]:
    return {"target": target, "found": found, "met": met}


def _points(against: Mapping[str, Any]) -> str:
    low, high = _ends(against["interval"])
    return f"{100 * against['difference']:+.2f} points ({low} to {high})"


def _ends(interval: Sequence[float]) -> tuple[str, str]:
    return f"{100 * interval[0]:+.2f}", f"{100 * interval[1]:+.2f}"
