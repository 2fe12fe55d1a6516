"""Accuracy of weights on real plates that none of them was trained on.

    python benchmarks/real_plates.py --weights hpa-nano-cn --weights hpa-nano-cn-rendered
    python benchmarks/real_plates.py --weights hpa-nano-cn --card weights/hpa-nano-cn/card.json

Real plates lie in EDGELPR_DATA (or --data): folders ccpd, easypr, eu, br, each with labels.csv. Weights read the sets that
their plate format spells. Prints and writes one JSON: whole plates, intervals, calibration, every wrong plate, the paired
comparison of any two weights of one format, and the published shares of other readers (suites/peers.yaml, unpaired).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from edgelpr.benchmarks.cards import card_entry, read_card, update_card
from edgelpr.benchmarks.peers import Peer, load_peers
from edgelpr.benchmarks.real_plates import REAL_SETS, Measured, compare_pairs, measure, plate_format_of
from edgelpr.benchmarks.results import result_name, start_result, write_result
from edgelpr.data.labels import read_labels
from edgelpr.errors import DataError, EdgelprError, UsageError

HERE = Path(__file__).parent
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--weights", multiple=True, required=True, help="Name or checkpoint; repeat it to compare in pairs.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    envvar="EDGELPR_DATA",
    required=True,
    show_envvar=True,
    help="Folder of the real sets.",
)
@click.option("--part", default="test", show_default=True, help="Which part of each set.")
@click.option("--card", "cards", type=_FILE, multiple=True, help="Put the accuracies into the card of these weights.")
@click.option("--peers", type=_FILE, default=HERE / "suites" / "peers.yaml", help="Published shares of other readers.")
@click.option("--threads", type=click.IntRange(min=1), default=None, help="Processor threads.")
@click.option("--output", type=_FILE, help="Where the JSON goes, instead of benchmarks/results.")
def main(
    weights: tuple[str, ...],
    data: Path,
    part: str,
    cards: tuple[Path, ...],
    peers: Path,
    threads: int | None,
    output: Path | None,
) -> None:
    """Measure and print; see the top of this file."""
    try:
        names = _check_cards(cards, weights)
        known = load_peers(peers) if part == "test" else {}
        measured = [item for each in weights for item in _measure(each, data, part, threads)]
        comparisons = compare_pairs(measured)
        result = start_result("real-plates") | {
            "measured": [_to_plain(item, known.get(item.data, ())) for item in measured],
            "comparisons": [{"data": name, **_below(comparison.to_dict(), data)} for name, comparison in comparisons],
        }
        for name, comparison in comparisons:
            click.echo(f"{name}, {' against '.join(comparison.names)}: {comparison.verdict}")
        path = output or HERE / "results" / result_name(
            ["real-plates", part, "fp32", "+".join(_name(each) for each in weights)]
        )
        write_result(path, result)
        click.echo(f"Written: {path}")
        for card, name in zip(cards, names):
            update_card(card, [card_entry(item) for item in measured if item.weights == name])
            click.echo(f"Updated: {card}")
    except EdgelprError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _below(values: dict[str, Any], data: Path) -> dict[str, Any]:
    """With images named as they lie below the folder of the sets: where that lies is nobody's business."""
    root = data.resolve()

    def named(image: Path) -> str:
        return image.relative_to(root).as_posix() if image.is_relative_to(root) else image.name

    discordant = [pair | {"image": named(Path(pair["image"]).resolve())} for pair in values["discordant"]]
    return values | {"discordant": discordant}


def _check_cards(cards: Sequence[Path], weights: Sequence[str]) -> list[str]:
    """Whose cards they are; said before anything is measured."""
    names = [str(read_card(card).get("name")) for card in cards]
    for card, name in zip(cards, names):
        if name not in map(_name, weights):
            raise UsageError(f"{card}: is the card of '{name}', which is not measured; add --weights {name}")
    return names


def _measure(weights: str, data: Path, part: str, threads: int | None) -> list[Measured]:
    plate_format = plate_format_of(weights).name
    sets = [name for name in REAL_SETS.get(plate_format, ()) if (data / name).is_dir()]
    if not sets:
        wanted = ", ".join(REAL_SETS.get(plate_format, ())) or "none is known"
        raise DataError(f"{data}: no set of real plates for '{plate_format}' of {weights}; looked for {wanted}")
    measured = []
    for name in sets:
        evaluation = measure(weights, read_labels(data / name, split=part), threads)
        measured.append(Measured(_name(weights), name, part, evaluation))
        _print(measured[-1])
    return measured


def _name(weights: str) -> str:
    return Path(weights).stem if Path(weights).is_file() else weights


def _print(measured: Measured) -> None:
    evaluation = measured.evaluation
    reliability, acceptance = evaluation.reliability, evaluation.acceptance
    low, high = evaluation.plate_accuracy_interval
    click.echo(
        f"{measured.weights} on {measured.data}, {measured.part}: {evaluation.correct} of {evaluation.plates} plates, "
        f"{evaluation.plate_accuracy:.1%} ({low:.1%} to {high:.1%})"
    )
    error = "-" if reliability is None else f"{reliability.expected_calibration_error:.1%}"
    click.echo(f"  calibration error {error}; accepted and right at 99 % precision {acceptance.accuracy:.1%}")
    for score in evaluation.failures:
        click.echo(f"  {score.crop.path.name}: {score.crop.plate} read as {score.read or '-'} ({score.confidence:.2f})")


def _to_plain(measured: Measured, peers: Sequence[Peer]) -> dict[str, Any]:
    evaluation = measured.evaluation
    # A part of another size is another set: its plates are not those that the peers read.
    against = [peer.against(evaluation.correct, evaluation.plates) for peer in peers if peer.plates == evaluation.plates]
    for peer in against:
        low, high = peer["difference_interval"]
        click.echo(
            f"  {measured.data}: {measured.weights} minus {peer['name']} {100 * peer['difference']:+.1f} points "
            f"({100 * low:+.1f} to {100 * high:+.1f}), Fisher p = {peer['p_value']:.2g}, unpaired"
        )
    return measured.to_dict() | {"peers": against}


if __name__ == "__main__":
    main()
