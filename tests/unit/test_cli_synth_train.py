"""``edgelpr synth`` and ``edgelpr train``: what they write, print and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgelpr.cli.main import run
from edgelpr.cli.real_sets import RealOptions
from edgelpr.errors import DataError
from edgelpr.models import hpa
from edgelpr.models.hpa import HpaConfig
from edgelpr.models.resnet import ResNetConfig
from edgelpr.plates.loading import load_plate_format


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
    assert run(["synth", "-o", str(tmp_path / "others"), "--count", "3", "--seed", "9"]) == 0
    labels, others = (str(tmp_path / name / "labels.csv") for name in ("plates", "others"))
    capsys.readouterr()
    pool = ["--pool", "6", "--pool-folder", str(tmp_path / "pool"), "--stages", "S+P>C", "--stage-steps", "1,2"]
    teacher = ["--teacher", str(tmp_path / "large" / "checkpoint.safetensors"), "--distillation-weight", "0.5"]
    real = ["--real", labels, "--real", labels, "--real-weights", "2,1", "--real-share", "0.4", "--rectify"]
    real += ["--validate", others]
    assert run(_train(tmp_path / "run", "--steps", "3", *pool, *teacher, *real)) == 0
    printed = capsys.readouterr()
    assert "3 plates to validate with" in printed.err and printed.err.count("4 real crops") == 2
    assert "stage C" in printed.err and "distillation" in printed.err and "in the validation 0.0 %" in printed.err
    assert len(list((tmp_path / "pool").iterdir())) == 1
    card = json.loads((tmp_path / "run" / "card.json").read_text(encoding="utf-8"))
    assert card["accuracy"][0]["data"] == "others/labels.csv" and card["settings"]["stage_steps"] == "1,2"
    assert card["accuracy"][0]["rectify"] is card["real"][1]["rectify"] is True and card["recipe"] == []
    assert (tmp_path / "run" / "best.safetensors").is_file()
    assert run(_train(tmp_path / "leaky", "--steps", "1", *real[2:], "--validate", labels)) == 1
    assert "0.png: trains, in plates/labels.csv, and validates" in capsys.readouterr().err


def _labelled(folder: Path, *parts: str) -> Path:
    """A folder of rendered plates, in these parts."""
    assert run(["synth", "-o", str(folder), "--count", str(len(parts))]) == 0
    labels = folder / "labels.csv"
    rows = [line.split(",")[:2] for line in labels.read_text(encoding="utf-8").splitlines()[1:]]
    _write_parts(labels, rows, *parts)
    return labels


def _write_parts(labels: Path, rows: list[list[str]], *parts: str) -> None:
    lines = ["image,plate,split", *(",".join([*row, part]) for row, part in zip(rows, parts))]
    labels.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _options(labels: Path, split: str | None = None) -> RealOptions:
    return RealOptions((labels,), "csv", split, False, labels, split)


def test_train_takes_the_train_part_unless_told_otherwise(tmp_path: Path) -> None:
    labels, cn = _labelled(tmp_path / "plates", "train", "test", "test"), load_plate_format("cn")
    for split, count, part in ((None, 1, "train"), ("test", 2, "test"), ("all", 3, "all")):
        (real,) = _options(labels, split).sets(cn)
        assert (len(real.crops), real.part) == (count, part) and real.crops[0][0].ndim == 2
    labels = _labelled(tmp_path / "others", "mine", "mine")
    with pytest.raises(DataError, match="no plate of the split 'train'; splits found: mine"):
        _options(labels).sets(cn)


def test_train_validates_with_the_part_for_it_unless_told_otherwise(tmp_path: Path) -> None:
    cn = load_plate_format("cn")
    labels = _labelled(tmp_path / "plates", "train", "test", "test", "Val", "")
    for split, count, name in ((None, 1, "plates/labels.csv, Val part"), ("test", 2, "plates/labels.csv, test part")):
        validation = _options(labels, split).validation(cn)
        assert validation is not None and (validation.plates, validation.name) == (count, name)
    everything, none = _options(labels, "all").validation(cn), _options(_labelled(tmp_path / "whole", "", "")).validation(cn)
    assert everything is not None and (everything.plates, everything.name) == (5, "plates/labels.csv")
    assert none is not None and (none.plates, none.name) == (2, "whole/labels.csv")
    for name, parts, wanted in (("two", ("val", "dev"), "only one of those"), ("no", ("train", "test"), "exactly one of val,")):
        with pytest.raises(DataError, match=f"expected {wanted}.*--validate-split"):
            _options(_labelled(tmp_path / name, *parts)).validation(cn)


@pytest.mark.parametrize(
    ("set_here", "words"),
    [
        ({"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}, "MASTER_ADDR, MASTER_PORT not set; start several processes with"),
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT not set"),
        (
            {"WORLD_SIZE": "many"},
            "WORLD_SIZE is 'many' in the environment, not a whole number",
        ),
        ({"WORLD_SIZE": "2", "RANK": "x", "LOCAL_RANK": "0", "MASTER_ADDR": "::1", "MASTER_PORT": "1"}, "RANK is 'x'"),
        ({"WORLD_SIZE": "2", "RANK": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "::1", "MASTER_PORT": "1"}, "RANK is 2 and WORLD"),
    ],
)
def test_train_names_torchrun_where_a_scheduler_set_only_some_variables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, set_here: dict[str, str], words: str
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_here.items():
        monkeypatch.setenv(name, value)
    assert run(_train(tmp_path / "run", "--steps", "1")) == 1
    message = capsys.readouterr().err
    assert words in message and "torchrun" in message and "Traceback" not in message


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


def test_a_checkpoint_to_start_from_may_be_named_like_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "-o", str(tmp_path / "run"), "--start-from", "hpa-nano-unknown", "--steps", "1"]) == 1
    assert "hpa-nano-unknown: no such file, and no weights of that name" in capsys.readouterr().err
    few = ["--steps", "1", "--batch", "2", "--workers", "0"]
    assert run(["train", "-o", str(tmp_path / "run"), "--start-from", "hpa-nano-cn", *few]) == 0
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert "Started from: hpa-nano-cn.safetensors" in card
