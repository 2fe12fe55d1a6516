"""``edgelpr synth`` and ``edgelpr train``: what they write, print and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgelpr.cli.main import run
from edgelpr.cli.real_sets import real_sets
from edgelpr.errors import DataError
from edgelpr.models import hpa
from edgelpr.models.hpa import HpaConfig
from edgelpr.models.resnet import ResNetConfig


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> str:
    backbone = ResNetConfig(depths=(1, 1, 1, 1), stem_width=8, stem_kernel=3, widths=(8, 8, 8, 8))
    small = HpaConfig("hpa-small", backbone, spatial_widths=(8, 8, 8), fusion_width=8, classifier_width=8)
    monkeypatch.setitem(hpa.ARCHITECTURES, small.name, small)
    return small.name


def test_synth_writes_a_labelled_folder_and_names_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["synth", "-o", str(tmp_path / "plates"), "--count", "5"]) == 0
    printed = capsys.readouterr()
    assert "5 plates in" in printed.out and "Next: edgelpr eval" in printed.err
    assert len(list((tmp_path / "plates" / "images").iterdir())) == 5
    assert run(["synth", "-o", str(tmp_path / "plates"), "--count", "5"]) == 1
    assert "holds labels.csv already" in capsys.readouterr().err


def test_synth_draws_a_format_of_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "mine.yaml"
    spec.write_text('name: mine\nalphabet: "0123456789"\npositions: 4\nrows: 2\n', encoding="utf-8")
    arguments = ["synth", "-o", str(tmp_path / "plates"), "--plate-format", str(spec), "--count", "3", "--json"]
    assert run(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["plates"] == 3 and Path(printed["labels"]).is_file()
    spec.write_text('name: mine\nalphabet: "01234567890"\npositions: 4\n', encoding="utf-8")
    assert run(arguments) == 1
    assert "'0' more than once" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--glyphs", "nowhere"], ["--font", "nowhere.ttf"]])
def test_synth_explains_glyphs_it_cannot_use(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str]) -> None:
    assert run(["synth", "-o", str(tmp_path / "plates"), *option]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "plates" / "labels.csv").exists()


def _train(folder: Path, *more: str) -> list[str]:
    fixed = ["train", "-o", str(folder), "--architecture", "hpa-small", "--batch", "4", "--workers", "0", "--warmup", "1"]
    return [*fixed, *more]


def test_train_goes_on_and_its_checkpoint_starts_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_network: str
) -> None:
    assert run(_train(tmp_path / "run", "--steps", "2")) == 0
    printed = capsys.readouterr()
    assert "checkpoint.safetensors" in printed.out and "step 2/2" in printed.err and "Next: edgelpr export" in printed.err
    assert run(["synth", "-o", str(tmp_path / "plates"), "--count", "4"]) == 0
    real = ["--real", str(tmp_path / "plates" / "labels.csv"), "--real-share", "0.5"]
    start = ["--start-from", str(tmp_path / "run" / "checkpoint.safetensors")]
    capsys.readouterr()
    assert run(_train(tmp_path / "tuned", "--steps", "2", *start, *real, "--json")) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert json.loads(lines[0])["step"] == 2 and json.loads(lines[-1])["checkpoint"].endswith("checkpoint.safetensors")


def test_train_takes_pool_stages_teacher_validation_and_weights_of_real_sets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_network: str
) -> None:
    assert run(_train(tmp_path / "large", "--steps", "2")) == 0
    assert run(["synth", "-o", str(tmp_path / "plates"), "--count", "4"]) == 0
    labels = str(tmp_path / "plates" / "labels.csv")
    capsys.readouterr()
    pool = ["--pool", "6", "--pool-folder", str(tmp_path / "pool"), "--stages", "S+P>C", "--stage-steps", "1,2"]
    teacher = ["--teacher", str(tmp_path / "large" / "checkpoint.safetensors"), "--distillation-weight", "0.5"]
    real = ["--real", labels, "--real", labels, "--real-weights", "2,1", "--real-share", "0.4", "--validate", labels]
    assert run(_train(tmp_path / "run", "--steps", "3", *pool, *teacher, *real)) == 0
    printed = capsys.readouterr()
    assert "4 plates to validate with" in printed.err and printed.err.count("4 real crops") == 2
    assert "stage C" in printed.err and "distillation" in printed.err and "in the validation 0.0 %" in printed.err
    assert len(list((tmp_path / "pool").iterdir())) == 1
    card = json.loads((tmp_path / "run" / "card.json").read_text(encoding="utf-8"))
    assert card["accuracy"][0]["data"] == "plates/labels.csv" and card["recipe"]["stage_steps"] == "1,2"
    assert (tmp_path / "run" / "best.safetensors").is_file()


def test_train_takes_the_train_part_unless_told_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["synth", "-o", str(tmp_path / "plates"), "--count", "3"]) == 0
    labels = tmp_path / "plates" / "labels.csv"
    rows = [line.split(",")[:2] for line in labels.read_text(encoding="utf-8").splitlines()[1:]]
    parts = zip(rows, ("train", "test", "test"))
    lines = ["image,plate,split", *(",".join([*row, part]) for row, part in parts)]
    labels.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert len(real_sets((labels,), "csv", None)[0].crops) == 1
    assert len(real_sets((labels,), "csv", "test")[0].crops) == 2
    assert len(real_sets((labels,), "csv", "all")[0].crops) == 3
    labels.write_text("\n".join(["image,plate,split", *(",".join([*row, "mine"]) for row in rows)]), encoding="utf-8")
    with pytest.raises(DataError, match="no plate of the split 'train'; splits found: mine"):
        real_sets((labels,), "csv", None)


def test_train_explains_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str], small_network: str) -> None:
    for arguments, words in (
        (["--steps", "0"], "steps is 0; expected more than 0"),
        (["--plate-format", "nowhere"], "not one of the built-in formats"),
        (["--real", str(tmp_path / "none.csv")], "none.csv"),
        (["--recipe", str(tmp_path / "none.yaml")], "cannot be read as a recipe"),
        (["--real-share", "0.5"], "name them with --real"),
        (["--start-from", str(tmp_path / "none.safetensors")], "none.safetensors"),
        (["--distillation-weight", "1"], "name its file with --teacher"),
        (["--stages", "S>P>C", "--semantic-weight", "0"], "train S by that supervision alone"),
        (["--validate", str(tmp_path / "none")], "none: no such file or folder"),
        (["--batch", "3", "--accumulate", "2"], "accumulate is 2; expected a divisor of the batch, 3"),
    ):
        assert run(_train(tmp_path / "run", *arguments)) == 1, arguments
        message = capsys.readouterr().err
        assert words in message and "Traceback" not in message
    assert run([*_train(tmp_path / "run"), "--architecture", "hpa-giant"]) == 2
    assert "architecture 'hpa-giant' is unknown" in capsys.readouterr().err
