"""``edgelpr reproduce``: every recipe runs end to end on a stand-in for its data, in the layout that is published."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import stand_in_data
import torch
from tiny_training import NANO

from edgelpr.benchmarks.experiments import running
from edgelpr.benchmarks.experiments.outcome import Outcome, pool
from edgelpr.benchmarks.experiments.published import published_accuracy
from edgelpr.benchmarks.experiments.recipes import RECIPES, find_paper_recipe, read_paper_recipe
from edgelpr.cli.main import run
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import ImageError, TrainingError, UsageError
from edgelpr.models import hpa
from edgelpr.training.config import TrainingConfig


@pytest.fixture(autouse=True)
def small_nano(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes run with a network that takes no time."""
    monkeypatch.setitem(hpa.ARCHITECTURES, NANO.name, NANO)


@pytest.fixture(autouse=True)
def keep_threads() -> Iterator[None]:
    """``--threads 1``: on a busy machine two threads of a tiny network mostly wait for each other."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _reproduce(experiment: str, data: Path, output: Path, *more: str) -> list[str]:
    fixed = ["reproduce", experiment, "--data", str(data), "-o", str(output), "--network", "hpa-nano"]
    return [*fixed, "--quick", "1", "--workers", "0", "--threads", "1", *more]


class _Blind:
    """A reader that reads nothing, in place of a network that was never trained."""

    backend, precision = "torch", "fp32"

    def __init__(self, network: object, device: str) -> None:
        pass

    def stream(self, images: Iterable[np.ndarray]) -> Iterator[ImageError]:
        for _ in images:
            yield ImageError("blind")


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the trainings, which take long, and the reading."""
    monkeypatch.setattr(running, "train", lambda config, renderer, folder, **more: folder / "checkpoint.safetensors")
    monkeypatch.setattr(running, "load_checkpoint", lambda path: None)
    monkeypatch.setattr(running, "NetworkReader", _Blind)


def test_table_1_trains_on_two_subsets_and_keeps_what_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, output = stand_in_data.aolp(tmp_path / "aolp"), tmp_path / "runs"
    assert run(_reproduce("aolp", data, output, "--json")) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result == json.loads((output / "aolp.json").read_text(encoding="utf-8"))
    assert [(r["identity"]["split"], r["identity"]["trained_on"], r["plates"]) for r in result["runs"]] == [
        ("AC", 8, 4),
        ("LE", 8, 4),
        ("RP", 8, 4),
    ]
    assert all(r["identity"]["quick"] == 1 and r["published"] is None for r in result["runs"])
    assert "Start: random weights" in printed.err and "its figures mean nothing" in printed.err
    with (output / "hpa-nano/standard/AC/plates.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["split"] for row in rows] == ["AC"] * 4
    assert sum(int(row["correct"]) for row in rows) == result["runs"][0]["correct"]

    (output / "hpa-nano/standard/RP/result.json").unlink()  # as if cut short before the last test
    older = output / "hpa-nano/standard/AC/result.json"
    outcome = json.loads(older.read_text(encoding="utf-8"))
    for settings in outcome["identity"]["settings"].values():
        assert settings.pop("track_frames") is False  # as if a version had finished it that did not know this setting
    older.write_text(json.dumps(outcome), encoding="utf-8")
    trained: list[Path] = []
    train = running.train
    monkeypatch.setattr(
        running, "train", lambda config, renderer, folder, **more: _noted(trained, train, config, renderer, folder, more)
    )
    assert run(_reproduce("aolp", data, output)) == 0
    printed = capsys.readouterr()
    assert printed.err.count("finished before, kept") == 2
    assert [folder.relative_to(output / "hpa-nano/standard").as_posix() for folder in trained] == ["pretraining", "RP/training"]
    assert "SMOKE RUN" in printed.out and "all plates" in printed.out and "mean of splits" not in printed.out
    (pooled,) = result["all_plates"]
    assert pooled["plates"] == 12 and pooled["mean_of_splits"] is None
    low, high = pooled["plate_accuracy_interval"]
    assert low <= pooled["plate_accuracy"] <= high

    assert run(["reproduce", "aolp", "--data", str(data), "-o", str(output), "--network", "hpa-nano"]) == 1
    assert "quick was 1, now None" in capsys.readouterr().err

    image = data / "Subset_AC/Image/0.png"
    changed = cv2.imread(str(image))
    cv2.imwrite(str(image), changed // 2)
    assert run(_reproduce("aolp", data, output)) == 1
    assert "tested_on_sha256 was" in capsys.readouterr().err
    cv2.imwrite(str(image), changed)
    label = data / "Subset_RP/groundtruth_recognition/2.txt"
    label.write_text("\n".join("ZZ9999"), encoding="utf-8")
    assert run(_reproduce("aolp", data, output)) == 1
    error = capsys.readouterr().err
    assert "trained_on_sha256 was" in error and "tested_on_sha256" not in error  # AC comes first, and RP trains it


def _noted(noted: list[Path], train: Callable[..., Path], config: object, renderer: object, folder: Path, more: dict) -> Path:
    noted.append(folder)
    return train(config, renderer, folder, **more)


def test_table_2_averages_four_folds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(_reproduce("medialab", stand_in_data.medialab(tmp_path / "medialab"), tmp_path / "runs", "--json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert [r["identity"]["split"] for r in result["runs"]] == ["1", "2", "3", "4"]
    assert [(r["identity"]["trained_on"], r["plates"]) for r in result["runs"]] == [(10, 2)] * 4
    (pooled,) = result["all_plates"]
    assert pooled["plates"] == 8 and pooled["mean_of_splits"] == sum(r["plate_accuracy"] for r in result["runs"]) / 4
    assert pooled["plate_accuracy"] == sum(r["correct"] for r in result["runs"]) / 8


def test_table_3_trains_once_for_both_data_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ccpd, clpd, output = stand_in_data.ccpd(tmp_path / "CCPD"), stand_in_data.clpd(tmp_path / "CLPD"), tmp_path / "runs"
    assert run(_reproduce("ccpd", ccpd, output, "--json")) == 0
    base = json.loads(capsys.readouterr().out)["runs"][0]
    assert (base["identity"]["trained_on"], base["plates"]) == (5, 5)
    assert base["identity"]["settings"]["training"]["semantic_weight"] == 0
    state = output / "hpa-nano/standard/ccpd-base/training/state.pt"
    written = state.stat().st_mtime_ns
    assert run(_reproduce("clpd", ccpd, output)) == 2
    assert "name ccpd with --data and clpd with --test-data" in capsys.readouterr().err
    assert run(_reproduce("clpd", ccpd, output, "--test-data", str(clpd), "--json")) == 0
    other = json.loads(capsys.readouterr().out)["runs"][0]
    assert other["plates"] == 6 and other["checkpoint"] == base["checkpoint"]
    assert state.stat().st_mtime_ns == written


def test_plates_can_be_straightened_and_are_never_mixed_with_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, load = list[bool](), LabelledCrop.load

    def watched(crop: LabelledCrop, rectify: bool = False) -> object:
        loaded.append(rectify)
        return load(crop, rectify)

    monkeypatch.setattr(LabelledCrop, "load", watched)
    ccpd, output = stand_in_data.ccpd(tmp_path / "CCPD"), tmp_path / "runs"
    assert run(_reproduce("ccpd", ccpd, output, "--rectify", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["identity"]["rectify"] is True
    assert len(loaded) == 10 and all(loaded)  # to train and to test
    assert run(_reproduce("ccpd", ccpd, output)) == 1
    assert "rectify" in capsys.readouterr().err


@pytest.mark.parametrize(
    "table",
    [pytest.param("table4", marks=pytest.mark.slow), "table5", pytest.param("table6", marks=pytest.mark.slow)],
)
def test_ablations_train_each_variant(tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str) -> None:
    assert run(_reproduce(table, stand_in_data.aolp(tmp_path / "aolp"), tmp_path / "runs", "--json")) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    variants = read_paper_recipe(find_paper_recipe(table)).variants
    rows = [(variant.name, split) for variant in variants for split in ("AC", "LE", "RP")]
    assert [(r["identity"]["variant"], r["identity"]["split"]) for r in runs] == rows
    trained = {variant.name: dict(variant.settings) for variant in variants}
    for r in runs:
        used = r["identity"]["settings"]["training"]
        assert trained[r["identity"]["variant"]].items() <= used.items()
    # The paper has no hpa-nano, but its ablations stand beside any network, by name.
    assert {r["published"]["network"] for r in runs if r["published"]} == {"hpa-resnet101"}


def test_the_paper_is_quoted_beside_our_ablations(tmp_path: Path, capsys: pytest.CaptureFixture[str], untrained: None) -> None:
    assert run(_reproduce("table6", stand_in_data.aolp(tmp_path / "aolp"), tmp_path / "runs")) == 0
    printed = capsys.readouterr().out
    (row,) = [line for line in printed.splitlines() if "without-p" in line and " LE " in line]
    assert "99.83" in row and "hpa-resnet101, ground-truth boxes" in row
    assert "The paper's figures are those for ground-truth boxes" in printed


@pytest.mark.parametrize(
    ("experiment", "data", "expected"),
    [
        ("aolp", {"--data": stand_in_data.aolp}, {"AC": "99.12", "LE": "99.31", "RP": "99.84", "all plates": "-"}),
        ("medialab", {"--data": stand_in_data.medialab}, {"1": "-", "4": "-", "all plates": "-", "mean of splits": "98.59"}),
        ("ccpd", {"--data": stand_in_data.ccpd}, {"ccpd-base": "99.61"}),
        ("clpd", {"--data": stand_in_data.ccpd, "--test-data": stand_in_data.clpd}, {"clpd": "79.50"}),
    ],
)
def test_the_papers_figures_stand_beside_ours_in_tables_1_to_3(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    untrained: None,
    experiment: str,
    data: dict[str, Callable[[Path], Path]],
    expected: dict[str, str],
) -> None:
    folders = [text for option, make in data.items() for text in (option, str(make(tmp_path / option.strip("-"))))]
    arguments = ["reproduce", experiment, *folders, "-o", str(tmp_path / "runs"), "--network", "hpa-resnet34"]
    assert run([*arguments, "--quick", "1"]) == 0
    printed = capsys.readouterr().out
    header, *lines = [[cell.strip() for cell in re.split(r"  +", line)] for line in printed.splitlines() if "  " in line]
    assert "paper %" in header
    rows = {line[2]: line for line in lines if line[0] == "hpa-resnet34"}
    for split, figure in expected.items():
        assert figure in rows[split][4:], (split, printed)
        if figure != "-":
            boxes = "not-stated" if experiment in ("ccpd", "clpd") else "ground-truth"
            assert rows[split][-1] == f"hpa-resnet34, {boxes} boxes"
    assert ("all plates" in printed) == (experiment in ("aolp", "medialab"))


def test_all_plates_are_pooled_and_the_mean_of_splits_is_another_figure() -> None:
    identity = {"network": "hpa-nano", "variant": "standard", "experiment": "medialab"}
    splits = [Outcome(identity, plates, correct, None, "", "", {}) for plates, correct in ((10, 10), (990, 99))]
    pooled = pool(splits)
    assert pooled.plate_accuracy == 0.109 and pooled.mean_of_splits == pytest.approx(0.55)
    low, high = pooled.plate_accuracy_interval
    assert low < 0.109 < high < 0.55
    assert pool([replace(split, identity=identity | {"experiment": "aolp"}) for split in splits]).mean_of_splits is None


@pytest.mark.parametrize(
    ("table", "data", "split", "config", "expected"),
    [
        (1, "aolp", "LE", TrainingConfig("hpa-resnet34"), (0.9931, "hpa-resnet34", "ground-truth")),
        (2, "medialab", "3", TrainingConfig("hpa-resnet101"), (0.9883, "hpa-resnet101", "ground-truth")),
        (3, "clpd", "clpd", TrainingConfig("hpa-resnet50"), (0.8217, "hpa-resnet50", "not-stated")),
        (4, "aolp", "AC", TrainingConfig("hpa-resnet18", "separate"), (0.9251, "hpa-resnet18", "ground-truth")),
        (4, "aolp", "LE", TrainingConfig("hpa-resnet18", "separate-no-maps"), (0.6117, "hpa-resnet101", "ground-truth")),
        (5, "aolp", "RP", TrainingConfig(stages="P>S>C"), (0.9820, "hpa-resnet101", "ground-truth")),
        (6, "aolp", "AC", TrainingConfig(semantic_weight=0), (0.9941, "hpa-resnet101", "ground-truth")),
    ],
)
def test_published_figures(table: int, data: str, split: str, config: TrainingConfig, expected: tuple) -> None:
    published = published_accuracy(table, data, split, config)
    assert published is not None
    assert (published.plate_accuracy, published.network, published.boxes) == expected


def test_no_figure_is_made_up_for_a_network_that_the_paper_lacks() -> None:
    assert published_accuracy(1, "aolp", "AC", TrainingConfig()) is None


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_have_the_papers_settings(name: str) -> None:
    recipe = read_paper_recipe(find_paper_recipe(name))
    assert recipe.experiment == name
    assert ("pretraining" in recipe.phases) == (recipe.data == "aolp")
    for phase in recipe.phases:
        for variant in recipe.variants:
            config = recipe.config(phase, variant, "hpa-resnet18")
            assert (config.optimizer, config.learning_rate, config.batch) == ("rmsprop", 2e-5, 256)


def test_the_same_training_stands_in_both_recipes_of_table_3() -> None:
    ccpd, clpd = (read_paper_recipe(find_paper_recipe(name)) for name in ("ccpd", "clpd"))
    assert (ccpd.training, ccpd.seed, ccpd.plate_format) == (clpd.training, clpd.seed, clpd.plate_format)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tabel": 1}, "unknown key tabel"),
        ({"table": 7}, "tables 1 to 6"),
        ({"table": "one"}, "table is 'one'; expected int"),
        ({"data": "mnist"}, "data is mnist; expected one of aolp"),
        ({"training": {"stepz": 1}}, "training: unknown setting stepz"),
        ({"training": {"steps": 0}}, "steps is 0; expected more than 0"),
        ({"training": {"architecture": "hpa-nano"}}, "unknown setting architecture"),
        ({"variants": [{"name": "a"}]}, "a variant lacks row"),
        ({"variants": []}, "variants are none"),
        ({"network": "vgg"}, "network is vgg"),
    ],
)
def test_mistakes_in_a_recipe_are_named(tmp_path: Path, change: dict, message: str) -> None:
    values = {"experiment": "mine", "table": 1, "data": "aolp", "plate_format": "aolp", "training": {"steps": 2}}
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(values | change), encoding="utf-8")
    with pytest.raises(TrainingError, match=message) as caught:
        read_paper_recipe(path)
    assert str(path) in str(caught.value)


def test_a_recipe_without_its_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("experiment: mine\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="lacks table, data, plate_format, training"):
        read_paper_recipe(path)
    with pytest.raises(UsageError, match="experiment 'mine' is unknown"):
        find_paper_recipe("mine")


def test_what_cannot_run_is_refused_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, output = stand_in_data.aolp(tmp_path / "aolp"), tmp_path / "runs"
    arguments = ["reproduce", "aolp", "--data", str(data), "-o", str(output), "--network", "all"]
    assert run([*arguments, "--backbone-weights", "resnet18.pth"]) == 2
    assert "run them one by one" in capsys.readouterr().err
    assert run([*arguments, "--recipe", str(find_paper_recipe("ccpd"))]) == 2
    assert "a recipe for 'ccpd', not for 'aolp'" in capsys.readouterr().err
    assert run([*arguments, "--test-data", str(data)]) == 2
    assert "leave --test-data out" in capsys.readouterr().err
    assert run(_reproduce("aolp", data, output, "--backbone-weights", str(tmp_path / "absent.pth"))) == 1
    error = capsys.readouterr().err
    assert "absent.pth: cannot be read (No such file or directory); expected a checkpoint file" in error
    assert "Start:" not in error and not output.exists()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run(arguments) == 1
    assert "RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT not set" in capsys.readouterr().err


def test_a_run_that_was_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same result as without the stop, from the state of the training that was under way."""
    data = stand_in_data.aolp(tmp_path / "aolp")
    assert run(_reproduce("aolp", data, tmp_path / "whole", "--quick", "2")) == 0
    saved, train = [], running.train

    def stop(config: object, renderer: object, folder: Path, **more: Any) -> Path:
        if folder.parent.name == "LE":
            more["report"] = _interrupt
            more["schedule"] = replace(more["schedule"], report_every=1, save_every=1)
        saved.append(folder)
        return train(config, renderer, folder, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "train", stop)
    assert run(_reproduce("aolp", data, tmp_path / "cut", "--quick", "2")) == 130
    monkeypatch.setattr(running, "train", train)
    assert not (tmp_path / "cut/hpa-nano/standard/LE/result.json").exists()
    assert run(_reproduce("aolp", data, tmp_path / "cut", "--quick", "2")) == 0
    whole, cut = (json.loads((tmp_path / name / "aolp.json").read_text(encoding="utf-8"))["runs"] for name in ("whole", "cut"))
    assert [(r["identity"], r["correct"]) for r in whole] == [(r["identity"], r["correct"]) for r in cut]
    for split in ("AC", "LE", "RP"):
        readings = [(tmp_path / name / "hpa-nano/standard" / split / "plates.csv").read_text() for name in ("whole", "cut")]
        assert [_read(text) for text in readings[:1]] == [_read(text) for text in readings[1:]]


def _interrupt(progress: object) -> None:
    raise KeyboardInterrupt


def _read(text: str) -> list[tuple[str, str, str]]:
    return [(row["plate"], row["read"], row["confidence"]) for row in csv.DictReader(text.splitlines())]
