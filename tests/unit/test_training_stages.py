"""Training one after the other (table 5): what is frozen stays, schedules start anew, runs resume."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_training import DIGITS, QUIET, TINY, assert_same_weights, tiny_config, weights_of

from edgelpr.data.rendering.samples import Renderer
from edgelpr.models import hpa
from edgelpr.models.hpa import Hpa
from edgelpr.training.loop import train
from edgelpr.training.optimizing import learning_rate
from edgelpr.training.progress import Progress, Schedule
from edgelpr.training.stages import Stage, stage_at, stages_of
from edgelpr.training.stepping import Stepper

BACKBONE = ("spatial", "context")


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hpa.ARCHITECTURES, TINY.name, TINY)


def test_stages_share_the_steps_equally_unless_told_otherwise() -> None:
    assert stages_of(tiny_config()) == (Stage("SPC", 0, 4),)
    assert stages_of(tiny_config(stages="P>S>C", steps=8)) == (Stage("P", 0, 2), Stage("S", 2, 4), Stage("C", 4, 8))
    given = tiny_config(stages="S+P>C", steps=8, stage_steps="5,3")
    assert stages_of(given) == (Stage("SP", 0, 5), Stage("C", 5, 8))
    assert [stage_at(given, step).letters for step in (0, 4, 5, 7, 8)] == ["SP", "SP", "C", "C", "C"]


def test_the_learning_rate_starts_anew_in_every_stage() -> None:
    config = tiny_config(stages="S+P>C", steps=40, warmup=4, learning_rate=1.0)
    rates = [learning_rate(config, step) for step in range(40)]
    assert rates[:20] == rates[20:] and rates[3] == 1.0 and rates[19] < 0.05


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("S+P>C", [{*BACKBONE, "semantic", "position"}, {"classifiers"}]),
        ("S>P>C", [{*BACKBONE, "semantic"}, {"position"}, {"classifiers"}]),
        ("P>S>C", [{*BACKBONE, "position"}, {"semantic"}, {"classifiers"}]),
        ("S+P+C", [{*BACKBONE, "semantic", "position", "classifiers"}]),
    ],
)
def test_each_stage_changes_its_own_networks_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: str, expected: list[set[str]]
) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    original = Stepper.take

    def watched(self: Stepper, step: int, batch: object) -> object:
        network: Hpa = self._parts.network
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        outcome = original(self, step, batch)  # type: ignore[arg-type]
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return outcome

    monkeypatch.setattr(Stepper, "take", watched)
    train(tiny_config(stages=stages, steps=len(expected)), Renderer(DIGITS), tmp_path, schedule=QUIET)
    for before, after, wanted in zip(seen[::2], seen[1::2], expected):
        changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
        assert changed == wanted  # statistics of batch normalisation included


def test_the_average_of_what_was_frozen_is_what_the_next_stage_saw(tmp_path: Path) -> None:
    config = tiny_config(stages="S+P>C", steps=6, learning_rate=1e-2)
    path = train(config, Renderer(DIGITS), tmp_path, schedule=QUIET)
    trained = torch.load(tmp_path / "state.pt", weights_only=True)["network"]
    averaged = weights_of(path)
    frozen = [name for name in trained if not name.startswith("classifiers") and trained[name].is_floating_point()]
    assert all(torch.allclose(trained[name], averaged[name], rtol=1e-5, atol=1e-6) for name in frozen)


@pytest.mark.parametrize("stop", [2, 3, 4])
def test_a_run_resumes_within_and_between_stages(tmp_path: Path, stop: int) -> None:
    config = tiny_config(stages="S+P>C", steps=6)

    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    whole = train(config, Renderer(DIGITS), tmp_path / "whole", schedule=QUIET)
    stops = Schedule(report_every=stop + 1, save_every=stop, workers=0)
    with pytest.raises(KeyboardInterrupt):
        train(config, Renderer(DIGITS), tmp_path / "parts", schedule=stops, report=interrupt)
    assert torch.load(tmp_path / "parts" / "state.pt", weights_only=True)["step"] == stop
    assert_same_weights(whole, train(config, Renderer(DIGITS), tmp_path / "parts", schedule=QUIET))


def test_reports_name_the_stage(tmp_path: Path) -> None:
    reports: list[Progress] = []
    config = tiny_config(stages="S+P>C", steps=4)
    every = Schedule(report_every=1, save_every=1000, workers=0)
    train(config, Renderer(DIGITS), tmp_path, schedule=every, report=reports.append)
    assert [report.stage for report in reports] == ["SP", "SP", "C", "C"]
    outcomes = [report.outcome for report in reports]
    assert all(outcome.loss == pytest.approx(outcome.semantic + outcome.position, abs=1e-3) for outcome in outcomes[:2])
    assert all(outcome.semantic == outcome.position == 0 and outcome.loss == outcome.sequence for outcome in outcomes[2:])
