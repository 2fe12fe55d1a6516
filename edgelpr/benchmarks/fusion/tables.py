"""A result's tables as Markdown, each a part that a page can ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgelpr.benchmarks.fusion.claims import claims
from edgelpr.benchmarks.fusion.doubting import TITLES
from edgelpr.benchmarks.fusion.rules import RULES
from edgelpr.benchmarks.fusion.trained import steps_in_words

Result = Mapping[str, Any]

_RULES = {rule.name: rule for rule in RULES}
_PAPER = {"none": (90.11, 93.92, None, None), "branch+attention": (93.07, 95.35, 0.847, 0.805)}
"""The paper's tables 1 and 2: whole plates, without the Chinese character, LCC, SROCC."""

_USES = {
    "none": "no quality branch (the paper's baseline)",
    "branch": "branch without attention",
    "branch+attention": "IQ-STAN",
}
_READERS = "| reader | whole plates, % | without the first character, % | IQ-STAN's lead, points | p | G multiply-adds |"


def targets_table(result: Result) -> str:
    """What had to be shown."""
    rows = [
        f"| {each['target']} | {each['found']} | {'yes' if each['met'] else '**no**'} |" for each in claims(result["parts"])
    ]
    return _table("| target | found | met |", rows)


def readers_table(result: Result) -> str:
    """Every reader on the frozen set."""
    return _readers(result["parts"]["rendered"])


def real_table(result: Result) -> str:
    """Every reader on tracks from real crops, set by set."""
    parts = []
    for measured in result["parts"]["real"]["sets"]:
        about = measured["set"]
        crops = f"{about.get('crops', about['tracks'])} crops, {about['tracks']} tracks"
        parts.append(f"**{about['data']}, {about['part']} part: {crops}**\n\n{_readers(measured)}")
    return "\n\n".join(parts)


def parts_table(result: Result) -> str:
    """The ablation: what the quality branch is for. A row without a checkpoint is left empty."""
    rendered = result["parts"]["rendered"]
    whole = _whole(rendered)
    measured = [*rendered["ablation"], whole]
    known = any(row.get("trained") for row in measured)  # results of former versions say nothing of it
    rows = []
    for use, title in _USES.items():
        found = [row for row in measured if row["quality_use"] == use]
        for row in found or [None]:
            name = title if row is None or len(found) < 2 else f"{title}: {row['name']}"
            rows.append(_part_row(name, row, use, [steps_in_words(row or {}, whole)] if known else []))
    heading = (
        f"| |{' steps of training |' if known else ''} whole plates, % | without the first character, % | "
        "IQ-STAN's lead, points | p | LCC | SROCC | paper: plates, without Chinese, LCC, SROCC |"
    )
    return _table(heading, rows)


def quality_table(result: Result) -> str:
    """Scores against labels, on rendered and on real tracks."""
    measured = [("rendered", result["parts"]["rendered"])] if "rendered" in result["parts"] else []
    measured += [(each["set"]["data"], each) for each in result["parts"].get("real", {}).get("sets", ())]
    rows = []
    for name, each in measured:
        quality = each["quality"]
        if quality is not None:
            ends = [f"{quality[key]:.3f} ({_plain(quality[f'{key}_interval'])})" for key in ("lcc", "srocc")]
            rows.append(f"| {name} | {quality['frames']:,} | {' | '.join(ends)} |")
    return _table("| tracks | frames | LCC | SROCC |", rows)


def frames_table(result: Result) -> str:
    """One to five frames."""
    frames = result["parts"]["frames"]
    best: Sequence[Any] = frames["best"] or [None] * len(frames["first"])
    rows = []
    for point, chosen in zip(frames["first"], best):
        gain = "" if point["gain"] is None else _lead(point["gain"])
        error = _percent(point["expected_calibration_error"])
        kept = "" if chosen is None else _share(chosen)
        cells = [point["frames"], _share(point), _share(point["without_first"]), gain, error, kept]
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    heading = (
        "| frames | the first ones: whole plates, % | without the first character, % | gain, points | calibration error, % | "
        "the best ones of five, % |"
    )
    return _table(heading, rows)


def confidence_table(result: Result) -> str:
    """Whether the confidence means what it says."""
    measured = [("rendered", result["parts"]["rendered"])] if "rendered" in result["parts"] else []
    measured += [(each["set"]["data"], each) for each in result["parts"].get("real", {}).get("sets", ())]
    keys = ("expected_calibration_error", "adaptive_calibration_error")
    rows = []
    for name, each in measured:
        found = each["reliability"]
        errors = [_percent(found[key]) for key in keys]
        cells = [name, f"{each['set']['tracks']:,}", *errors, f"{found['brier_score']:.4f}", _percent(found["mean_confidence"])]
        rows.append("| " + " | ".join([*cells, _percent(each["network"]["accuracy"])]) + " |")
    heading = (
        "| tracks | how many | expected calibration error, 15 bins, % | of equal mass, % | Brier score | mean confidence, % | "
        "whole plates right, % |"
    )
    return _table(heading, rows)


def mixed_table(result: Result) -> str:
    """What tells that frames of two plates lie in one track."""
    mixed = result["parts"]["mixed"]
    columns = [(f"rendered, hardness {row['hardness']:g}", row) for row in mixed["rows"]]
    columns += [(f"{row['data']}, real", row | {"other_plate": "different"}) for row in mixed.get("real", ())]
    heads = [f"{where}: {row['frames_of_other']} of 5, {row['other_plate']}" for where, row in columns]
    rows = []
    for name, title in TITLES.items():
        areas = [row["figures"].get(name) for _, row in columns]
        if all(area is not None for area in areas):
            rows.append(f"| {title} | " + " | ".join(f"{area['auroc']:.3f}" for area in areas) + " |")
    return _table("| AUROC | " + " | ".join(heads) + " |", rows)


TABLES: Mapping[str, Callable[[Result], str]] = {
    "targets": targets_table,
    "readers": readers_table,
    "parts": parts_table,
    "quality": quality_table,
    "frames": frames_table,
    "real": real_table,
    "confidence": confidence_table,
    "mixed": mixed_table,
}
"""By the name that a page's mark asks for."""

_NEEDS = {"readers": "rendered", "parts": "rendered", "frames": "frames", "real": "real", "mixed": "mixed"}


def available(result: Result) -> list[str]:
    """Tables that a result has the figures for."""
    return [name for name in TABLES if _NEEDS.get(name) in (None, *result["parts"])]


def _readers(measured: Mapping[str, Any]) -> str:
    network = measured["network"]
    rows = [
        f"| **{network['name']}, five frames together** | **{_share(network)}** | {_share(network['without_first'])} | | | "
        f"{network['multiply_adds'] / 1e9:.2f} |"
    ]
    for single in measured["singles"]:
        for rule in single["rules"]:
            against = rule["against"]
            cells = [f"{single['name']}: {_RULES[rule['rule']].title}", _share(rule), _share(rule["without_first"])]
            cells += [_lead(against), _chance(against["p_value"]), f"{rule['multiply_adds'] / 1e9:.2f}"]
            rows.append("| " + " | ".join(cells) + " |")
    return _table(_READERS, rows)


def _whole(rendered: Mapping[str, Any]) -> dict[str, Any]:
    return {**rendered["network"], "quality": rendered["quality"], "against": None}


def _part_row(name: str, row: Mapping[str, Any] | None, use: str, steps: Sequence[str]) -> str:
    beside = ", ".join("-" if value is None else f"{value:g}" for value in _PAPER.get(use, ()))
    if row is None:
        return f"| {name} |{' |' * len(steps)} | | | | | | {beside} |"
    against, quality = row["against"], row["quality"]
    lead = ["", ""] if against is None else [_lead(against), _chance(against["p_value"])]
    scores = ["", ""] if quality is None else [f"{quality['lcc']:.3f}", f"{quality['srocc']:.3f}"]
    return "| " + " | ".join([name, *steps, _share(row), _share(row["without_first"]), *lead, *scores, beside]) + " |"


def _table(heading: str, rows: Sequence[str]) -> str:
    return "\n".join([heading, "|---" * (heading.count("|") - 1) + "|", *rows])


def _share(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    return f"{_percent(row['accuracy'])} ({_percent(low)} to {_percent(high)})"


def _lead(against: Mapping[str, Any]) -> str:
    low, high = (f"{100 * end:+.1f}" for end in against["interval"])
    return f"{100 * against['difference']:+.2f} ({low} to {high})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _plain(interval: Sequence[float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def _chance(value: float | None) -> str:
    return "" if value is None else "< 0.0001" if value < 0.0001 else f"{value:.2g}"
