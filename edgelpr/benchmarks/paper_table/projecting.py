"""Projections to devices that nobody measured here; always under that name, with what is known of their error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgelpr.benchmarks.boards import Board
from edgelpr.benchmarks.paper_table.published import PUBLISHED
from edgelpr.benchmarks.report.document import EMPTY, Part, Section, Table, Text, cell, section
from edgelpr.benchmarks.roofline import Fit, Measured, Rates, bound_seconds, fit

_PROJECTED = ("network", "measured here ms", "projected ms", "projected FPS", "bound ms", "at most FPS")
_TRIED = ("network", "projected FPS", "published FPS", "error")


@dataclass(frozen=True)
class Projected:
    """One network on one board."""

    name: str
    """Of network and graph."""

    board: str
    """Where it was not measured."""

    measured_ms: float
    """Here."""

    projected_ms: float
    """There, by the fit."""

    bound_ms: float
    """There it cannot be faster, by its advertised peak rates."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, labelled."""
        return {**asdict(self), "label": "projected"}


@dataclass(frozen=True)
class Projection:
    """Networks on a board, and how far the projecting can be trusted."""

    board: Board
    """Where to."""

    fit: Fit
    """Where from."""

    rows: tuple[Projected, ...]
    """One a network."""

    tried: tuple[tuple[str, float, float], ...] = ()
    """The same way of projecting, tried on the HPA paper's card: network, projected and published frames a second."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "label": "projected",
            "board": self.board.name,
            "fitted_on": self.fit.machine,
            "fit": {"slowness": self.fit.slowness, "launch_microseconds": self.fit.launch_seconds * 1e6},
            "largest_error_where_fitted": self.fit.largest_error,
            "validated_on_boards": False,
            "rows": [row.to_dict() for row in self.rows],
            "tried_on_published": [
                {"network": name, "projected_fps": projected, "published_fps": published}
                for name, projected, published in self.tried
            ],
        }


def project(
    board: Board, graphs: Sequence[Measured], eager: Mapping[str, Measured], here: Rates, machine: str, card: Board
) -> Projection | None:
    """Project what was measured here.

    Args:
        board: where to.
        graphs: exported graphs, fp32, measured here.
        eager: PyTorch, fp32, measured here, by architecture.
        here: peaks of this machine.
        machine: its name.
        card: the HPA paper's, on which the projecting is tried.

    Returns:
        None where fewer than two graphs were measured.
    """
    found = fit(graphs, here, machine)
    if found is None:
        return None
    launch = None if board.launch_microseconds is None else board.launch_microseconds / 1e6
    rows = tuple(
        Projected(
            each.name,
            board.title,
            each.seconds * 1e3,
            found.seconds(each.work, board.rates, launch) * 1e3,
            bound_seconds(each.work, board.rates) * 1e3,
        )
        for each in graphs
    )
    return Projection(board, found, rows, _try(eager, here, machine, card))


def projection_section(projection: Projection) -> Section | None:
    """A table and every reservation."""
    board, found = projection.board, projection.fit
    rows = tuple(
        (
            row.name,
            cell(row.measured_ms),
            cell(row.projected_ms),
            cell(1e3 / row.projected_ms, 1),
            cell(row.bound_ms, 3),
            cell(1e3 / row.bound_ms, 1),
        )
        for row in projection.rows
    )
    table = Table(_PROJECTED, rows, right=_PROJECTED[1:], caption=f"Projected, not measured: fp32, batch 1, on {board.title}")
    parts: list[Part | None] = [table, *(Text(text) for text in _words(projection))]
    if projection.tried:
        tried = tuple(
            (name, cell(projected, 1), cell(published, 1), f"{projected / published - 1:+.0%}")
            for name, projected, published in projection.tried
        )
        caption = "The same projecting from PyTorch here, tried on the HPA paper's GTX 1080 Ti: how wrong it can be on a GPU"
        parts.append(Table(_TRIED, tried, right=_TRIED[1:], caption=caption))
    largest = EMPTY if found.largest_error is None else f"{found.largest_error:.0%}"
    return section(f"Projected to {board.title} (largest error on the machine of the fit: {largest})", parts)


def _words(projection: Projection) -> list[str]:
    board, found = projection.board, projection.fit
    error = (
        "its error is not known: it takes four measured networks"
        if found.largest_error is None
        else f"each projected from the others it is off by {found.largest_error:.0%} at most, there"
    )
    launch = (
        "the cost of a kernel is that of the machine of the fit, because nobody measured this board's"
        if board.launch_microseconds is None
        else f"a kernel costs {board.launch_microseconds:g} microseconds"
    )
    return [
        f"Unvalidated for boards: fitted on {found.machine} alone ({len(found.names)} graphs: {found.slowness:.2f} times the "
        f"layered roofline and {found.launch_seconds * 1e6:.1f} microseconds a kernel); {error}. A GPU is another kind of "
        "machine.",
        f"Peak rates: {board.source}; {launch}. Its advertised {board.published or 'figures'} are not used. fp16 and "
        "int8 are not projected: no dense peak of theirs is in the table.",
        "The bound needs no fit: with these peak rates no fp32 call can be faster, unless its weights stay in a cache.",
    ]


def _try(eager: Mapping[str, Measured], here: Rates, machine: str, card: Board) -> tuple[tuple[str, float, float], ...]:
    """Project PyTorch's times here to the card of the published figures."""
    known = {name: published for name, published in PUBLISHED.items() if published.machine is not None}
    theirs = [(known[name], each) for name, each in eager.items() if name in known]
    found = fit([each for _, each in theirs], here, machine)
    if found is None:
        return ()
    return tuple(
        (published.title, 1 / found.seconds(each.work, card.rates), published.frames_per_second) for published, each in theirs
    )
