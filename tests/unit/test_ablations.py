"""The ablations on rendered plates: which networks, fair comparisons, and a page that says only what was found."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from edgelpr.benchmarks.ablations.gathering import CLAIMS, gather, paper_row
from edgelpr.benchmarks.ablations.job import first_weights, run_job
from edgelpr.benchmarks.ablations.page import render_page, write_page
from edgelpr.benchmarks.ablations.plan import Plan, network_of, networks
from edgelpr.benchmarks.ablations.plates import FixedPlates, unseen_plates
from edgelpr.benchmarks.ablations.spread import mean_interval, t_quantile
from edgelpr.benchmarks.machine import describe_machine
from edgelpr.benchmarks.paper import STRATEGIES
from edgelpr.errors import DataError, TrainingError
from edgelpr.models import hpa
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import HpaConfig
from edgelpr.models.resnet import ResNetConfig
from edgelpr.models.weights import resolve_checkpoint

ROOT = Path(__file__).parents[2]
SMALL = Plan(steps=3, batch=4, plates=6, test_plates=5, backbone="")


@pytest.fixture
def small_nano(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = ResNetConfig(depths=(1, 1, 1, 1), stem_width=8, stem_kernel=3, widths=(8, 8, 8, 8))
    small = HpaConfig("hpa-nano", backbone, spatial_widths=(8, 8, 8), fusion_width=8, classifier_width=8)
    monkeypatch.setitem(hpa.ARCHITECTURES, small.name, small)


def _runs(right: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Runs of every network, those not named reading as ``shared`` does."""
    runs = []
    for network in networks():
        for seed, marks in enumerate(right.get(network.name, right["shared"])):
            counts = {"plates": len(marks), "correct": marks.count("1"), "seconds": 40.0, "right": marks}
            runs.append({"name": network.name, "seed": seed, "config": {}} | counts)
    return runs


def _result(right: dict[str, list[str]]) -> dict[str, Any]:
    return {"machine": describe_machine(), "jobs": 2} | gather(Plan(), _runs(right))


@pytest.mark.parametrize(
    ("freedom", "probability", "expected"), [(1, 0.975, 12.706), (2, 0.975, 4.303), (9, 0.975, 2.262), (4, 0.995, 4.604)]
)
def test_students_t_as_in_the_tables(freedom: int, probability: float, expected: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(expected, abs=5e-4)


def test_interval_of_a_mean() -> None:
    low, high = mean_interval([1.0, 2.0, 3.0]) or (0, 0)
    assert (low, high) == (pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-3), pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-3))
    assert mean_interval([1.0]) is None
    with pytest.raises(ValueError, match="probability"):
        t_quantile(0.5, 3)


def test_every_network_of_the_three_tables_once() -> None:
    names = [network.name for network in networks()]
    assert len(set(names)) == len(names) == 12  # nine, and those trained one by one again with as many steps in all
    assert network_of({}) == "shared"
    assert {n.name: n.stages for n in networks() if n.stages > 1 and n.budget == "each"} == {
        "s-then-p-then-c": 3,
        "p-then-s-then-c": 3,
        "s-and-p-then-c": 2,
    }


def test_budgets_of_training_one_by_one() -> None:
    steps = {network.name: Plan(steps=600).config(network, 0).steps_of_stages for network in networks()}
    assert steps["shared"] == steps["neither"] == (600,)
    assert steps["s-then-p-then-c"] == (600, 600, 600)
    assert steps["s-then-p-then-c-same-steps"] == (200, 200, 200)
    assert steps["s-and-p-then-c-same-steps"] == (300, 300)


def test_a_seed_never_changes_the_plates() -> None:
    plates = FixedPlates("aolp", 3)
    first, other = plates.render(0, 5), plates.render(1, 5)
    assert first.plate == other.plate and np.array_equal(first.image, other.image)
    assert not np.array_equal(first.image, FixedPlates("aolp", 4).render(0, 5).image)


def test_a_run_is_tested_on_plates_it_never_saw_and_kept(tmp_path: Path, small_nano: None) -> None:
    network = networks()[0]
    result = run_job(SMALL, network, 1, tmp_path)
    assert result["plates"] == len(result["right"]) == 5
    assert result["correct"] == result["right"].count("1")
    assert result["config"]["seed"] == 1 and result["config"]["pool"] == 6
    state = tmp_path / "runs" / "shared-1" / "state.pt"
    state.unlink()
    assert run_job(SMALL, network, 1, tmp_path) == result
    assert not state.exists()  # nothing ran again
    with pytest.raises(TrainingError, match="shared-1.json: of a run with other settings"):
        run_job(Plan(steps=4, batch=4, plates=6, test_plates=5, backbone=""), network, 1, tmp_path)
    trained = {FixedPlates("aolp", SMALL.train_seed).render(0, number).plate for number in range(6)}
    spec = FixedPlates("aolp", 0).plate_format
    tested = {"".join(spec.alphabet[c] for c in classes) for classes in unseen_plates(SMALL, tmp_path).classes.tolist()}
    assert len(tested) == 5 and not trained & tested


def test_every_network_begins_with_the_same_backbone(tmp_path: Path) -> None:
    donor = load_checkpoint(resolve_checkpoint(Plan.backbone)).state_dict()
    for network in networks()[:3]:
        path = first_weights(Plan(), network, 1, tmp_path)
        assert path is not None
        begun = load_checkpoint(path)
        assert begun.config.classifier == network.settings.get("classifier", "shared")
        values = begun.state_dict()
        taken = [name for name in values if name in donor and torch.equal(values[name], donor[name])]
        assert all(name in taken for name in donor if name.startswith(("spatial.", "context.")))
        assert "semantic.fuse.conv.weight" not in taken  # fresh
    assert first_weights(SMALL, networks()[0], 1, tmp_path) is None


def test_networks_that_were_not_run_are_left_out() -> None:
    runs = [run for run in _runs({"shared": ["101", "110"]}) if not run["name"].endswith("-same-steps")]
    result = gather(SMALL, runs)
    assert len(result["networks"]) == 9 and {claim["budget"] for claim in result["claims"]} == {"each"}
    page = render_page(result | {"machine": describe_machine(), "jobs": 1}, "result.json")
    assert "as long as joint training" in page and "as many steps in all)" not in page


def test_claims_are_the_papers() -> None:
    for claim in CLAIMS:
        better, worse = paper_row(claim.table, claim.better), paper_row(claim.table, claim.worse)
        assert sum(better.values()) > sum(worse.values()), claim
    assert paper_row(5, "p-then-s-then-c") == {
        figure.data[-2:].upper(): figure.plate_accuracy for figure in STRATEGIES["P>S>C"]
    }


def test_verdicts_come_from_the_interval_over_seeds() -> None:
    good, bad = (
        ["1" * 90 + "0" * 10, "1" * 91 + "0" * 9, "1" * 92 + "0" * 8],
        ["1" * 50 + "0" * 50, "1" * 52 + "0" * 48, "1" * 51 + "0" * 49],
    )
    noise = ["1" * 95 + "0" * 5, "1" * 85 + "0" * 15, "1" * 93 + "0" * 7]
    result = _result({"shared": good, "separate": bad, "without-p": noise, "without-s": ["1" * 100, "1" * 100, "1" * 100]})
    verdicts = {(c["table"], c["better"], c["worse"], c["budget"]): c for c in result["claims"]}
    held = verdicts[4, "shared", "separate", "each"]
    assert held["verdict"] == "held" and held["difference"] == pytest.approx(0.4)
    assert [seed["only_better"] for seed in held["seeds"]] == [40, 39, 41]
    assert all(seed["p_value"] < 1e-6 for seed in held["seeds"])
    assert verdicts[4, "separate", "separate-no-maps", "each"]["verdict"] == "contradicted"
    assert verdicts[6, "both", "without-p", "each"]["verdict"] == "not told apart"
    assert verdicts[6, "both", "without-s", "each"]["verdict"] == "contradicted"
    assert verdicts[5, "jointly", "p-then-s-then-c", "all"]["verdict"] == "not told apart"
    separate = next(network for network in result["networks"] if network["name"] == "separate")
    assert separate["mean"] == pytest.approx(0.51) and separate["interval"][0] < 0.5 < separate["interval"][1]


def test_the_page_says_what_it_is_and_what_held(tmp_path: Path) -> None:
    result = _result({"shared": ["1" * 90 + "0" * 10] * 2, "separate": ["1" * 50 + "0" * 50] * 2})
    page = render_page(result, "result.json")
    assert "`hpa-nano` instead of ResNet-101" in page and "rendered in AOLP's format instead of photographed" in page
    (row,) = [line for line in page.splitlines() if line.startswith("| separate classifiers, HPA maps |")]
    assert row == "| separate classifiers, HPA maps | 97.65 | 94.33 | 99.51 | 50.00 | 50.00 to 50.00 | 50.00, 50.00 |"
    held = page[page.index("**Held") : page.index("**Contradicted")]
    assert "one shared classifier reads better" in held and "+40.00 points" in held and "p < 0.05 in 2 of 2 seeds" in held
    assert max(map(len, page.splitlines())) < 400
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result), encoding="utf-8")
    write_page(path, tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="not a result of benchmarks/ablations.py"):
        write_page(path, tmp_path / "page.md")


@pytest.mark.slow
def test_the_script_runs_all_networks(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "ablations.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "# The paper's ablations on rendered plates" in done.stdout and "one seed" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_quick_plan_gathers_every_network_with_one_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the script does it, but for the trainings."""
    script = runpy.run_path(str(ROOT / "benchmarks" / "ablations.py"))
    marks = "0" * 10
    run: dict[str, Any] = {"config": {}, "plates": len(marks), "correct": 0, "seconds": 1.0, "right": marks}
    stubs = {
        "run_job": lambda plan, network, seed, work: run | {"name": network.name, "seed": seed},
        "unseen_plates": lambda plan, work: None,
        "_start_all": lambda *given: None,
        "TemporaryDirectory": lambda prefix: nullcontext(str(tmp_path)),
    }
    for name, stub in stubs.items():
        monkeypatch.setitem(script["_run"].__globals__, name, stub)
    outcome = CliRunner().invoke(script["main"], ["--quick"])
    assert outcome.exit_code == 0, outcome.output
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert [network["name"] for network in result["networks"]] == [network.name for network in networks()]
    assert all(network["interval"] is None for network in result["networks"])
    assert {claim["verdict"] for claim in result["claims"]} == {"not told apart"}
    assert "one seed" in outcome.output and "# The paper's ablations on rendered plates" in outcome.output
