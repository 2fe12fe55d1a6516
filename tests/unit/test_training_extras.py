"""What a run can do beside training: learn from a teacher, validate, compute in half precision, leave a card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import DIGITS, QUIET, TINY, assert_same_weights, tiny_config

from edgelpr.benchmarks.cards import update_card
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.writing import write_image
from edgelpr.errors import DataError, TrainingError
from edgelpr.models import hpa
from edgelpr.models.checkpoint import load_checkpoint, save_checkpoint
from edgelpr.models.hpa import HpaOutput, create
from edgelpr.plates.format import PlateFormat
from edgelpr.training import precision
from edgelpr.training.carding import CARD_FILE, README_FILE
from edgelpr.training.distilling import distillation_loss
from edgelpr.training.loop import BEST_FILE, train
from edgelpr.training.precision import Arithmetic
from edgelpr.training.progress import LOG_FILE, Progress, Schedule
from edgelpr.training.real import RealSet, load_real_set
from edgelpr.training.state import STATE_FILE, Tally
from edgelpr.training.validating import Validated, Validation

EVERY = Schedule(report_every=1, save_every=1, workers=0)


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hpa.ARCHITECTURES, TINY.name, TINY)


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    torch.manual_seed(9)
    save_checkpoint(tmp_path / "teacher.safetensors", create("hpa-small", DIGITS))
    return tmp_path / "teacher.safetensors"


def _interrupt(progress: Progress) -> None:
    if progress.step == 3:
        raise KeyboardInterrupt


def _outputs(seed: int) -> HpaOutput:
    draw = torch.Generator().manual_seed(seed)
    maps = torch.rand(2, 5, 7, 20, generator=draw).softmax(dim=1)
    return HpaOutput(torch.randn(2, 4, 11, generator=draw), torch.zeros(2, 12, 7, 20), maps)


def test_distillation_is_the_divergence_from_the_teacher() -> None:
    config = tiny_config(distillation_weight=0.5, distillation_temperature=3.0)
    ours, theirs = _outputs(0), _outputs(1)
    assert distillation_loss(ours, ours, config, "SPC").item() == pytest.approx(0, abs=1e-5)
    p, q = (theirs.logits / 3).softmax(-1), (ours.logits / 3).softmax(-1)
    expected = 0.5 * 9 * float((p * (p / q).log()).sum()) / 2
    assert distillation_loss(ours, theirs, config, "SPC").item() == pytest.approx(expected, rel=1e-4)
    assert distillation_loss(ours, theirs, config, "SP").item() == 0  # the classifier does not train
    maps = tiny_config(distillation_maps_weight=2.0)
    assert ours.position is not None and theirs.position is not None
    places = theirs.position * (theirs.position / ours.position).log()
    assert distillation_loss(ours, theirs, maps, "SP").item() == pytest.approx(2 * float(places.sum()) / (2 * 140), rel=1e-3)


def test_a_student_comes_closer_to_its_teacher(tmp_path: Path, teacher: Path) -> None:
    def distance(path: Path) -> float:
        crops = torch.rand(8, 3, 50, 160, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            ours, theirs = (load_checkpoint(file)(crops).logits.log_softmax(-1) for file in (path, teacher))
        return float((theirs.exp() * (theirs - ours)).sum(-1).mean())

    settings = {"steps": 10, "learning_rate": 1e-2, "averaging": 0.0, "semantic_weight": 0, "position_weight": 0}
    alone = train(tiny_config(**settings), Renderer(DIGITS), tmp_path / "alone", schedule=QUIET)
    config = tiny_config(**settings, distillation_weight=20.0)
    taught = train(config, Renderer(DIGITS), tmp_path / "taught", teacher=teacher, schedule=QUIET)
    assert distance(taught) < distance(alone)


def test_a_distilled_run_resumes_with_its_teacher_only(tmp_path: Path, teacher: Path) -> None:
    config = tiny_config(distillation_weight=1.0, distillation_maps_weight=1.0)
    whole = train(config, Renderer(DIGITS), tmp_path / "whole", teacher=teacher, schedule=QUIET)
    with pytest.raises(KeyboardInterrupt):
        train(config, Renderer(DIGITS), tmp_path / "parts", teacher=teacher, schedule=EVERY, report=_interrupt)
    torch.manual_seed(10)
    save_checkpoint(tmp_path / "other.safetensors", create("hpa-small", DIGITS))
    with pytest.raises(TrainingError, match="teacher was"):
        train(config, Renderer(DIGITS), tmp_path / "parts", teacher=tmp_path / "other.safetensors", schedule=QUIET)
    assert_same_weights(whole, train(config, Renderer(DIGITS), tmp_path / "parts", teacher=teacher, schedule=QUIET))


def test_teachers_that_cannot_teach_are_refused(tmp_path: Path, teacher: Path) -> None:
    config = tiny_config(distillation_weight=1.0)
    with pytest.raises(TrainingError, match="there is no teacher: name its file with --teacher"):
        train(config, Renderer(DIGITS), tmp_path / "run", schedule=QUIET)
    with pytest.raises(TrainingError, match="both weights of distillation are 0"):
        train(tiny_config(), Renderer(DIGITS), tmp_path / "run", teacher=teacher, schedule=QUIET)
    letters = Renderer(PlateFormat("letters", "ABC", 4, void=True))
    with pytest.raises(
        TrainingError, match="teacher.safetensors: is a checkpoint for alphabet 0123456789, this run trains ABC"
    ):
        train(config, letters, tmp_path / "run", teacher=teacher, schedule=QUIET)
    maps = tiny_config(distillation_maps_weight=1.0, classifier="separate-no-maps")
    with pytest.raises(TrainingError, match="needs HPA maps on both sides"):
        train(maps, Renderer(DIGITS), tmp_path / "run", teacher=teacher, schedule=QUIET)


def test_half_precision_is_bfloat16_where_there_is_no_need_to_scale() -> None:
    assert Arithmetic.of(False, "cpu") == Arithmetic("cpu", torch.float32)
    assert Arithmetic.of(True, "cpu") == Arithmetic("cpu", torch.bfloat16)
    assert not Arithmetic.of(True, "cpu").scaler().is_enabled()


def test_scaled_gradients_train_and_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_half_type", lambda device: torch.float16)  # as on a GPU without bfloat16
    config = tiny_config(half=True)
    whole = train(config, Renderer(DIGITS), tmp_path / "whole", schedule=QUIET)
    with pytest.raises(KeyboardInterrupt):
        train(config, Renderer(DIGITS), tmp_path / "parts", schedule=EVERY, report=_interrupt)
    kept = torch.load(tmp_path / "parts" / STATE_FILE, weights_only=True)["scaler"]
    assert kept["_growth_tracker"] > 0 and kept["scale"] > 1  # steps since the last overflow, of which the first is likely one
    assert_same_weights(whole, train(config, Renderer(DIGITS), tmp_path / "parts", schedule=QUIET))


def test_half_precision_computes_nearly_the_same_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[float] = []
    for kind in (torch.float32, torch.bfloat16, torch.float16):
        monkeypatch.setattr(precision, "_half_type", lambda device, kind=kind: kind)
        config, folder = tiny_config(half=kind is not torch.float32, steps=1), tmp_path / str(kind)
        train(config, Renderer(DIGITS), folder, schedule=EVERY, report=lambda progress: losses.append(progress.outcome.loss))
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=0.01) and len(set(losses)) == 3


def _labelled(folder: Path, count: int = 3) -> list[LabelledCrop]:
    crops = []
    folder.mkdir(exist_ok=True)
    for number in range(count):
        rendered = Renderer(DIGITS).render(5, number)
        write_image(folder / f"{number}.png", rendered.image)
        crops.append(LabelledCrop(folder / f"{number}.png", rendered.plate))
    return crops


def test_validation_reads_as_the_network_does_and_counts_all_others_as_wrong(tmp_path: Path) -> None:
    labelled = _labelled(tmp_path)
    torch.manual_seed(0)
    network = create("hpa-small", DIGITS).eval()
    read = [_read(network, item) for item in labelled]
    right = [LabelledCrop(item.path, text) for item, text in zip(labelled, read)]
    unreadable, beyond = LabelledCrop(tmp_path / "absent.png", "1"), LabelledCrop(labelled[0].path, "A1")
    validation = Validation([*right, unreadable, beyond], DIGITS)
    assert validation.measure(network) == Validated(3, 5) and validation.unreadable == 1
    assert Validated(3, 5).to_dict()["plate_accuracy_interval"] == [0.2307, 0.8824]
    with pytest.raises(DataError, match="no plate to validate with"):
        Validation([], DIGITS)


def _read(network: hpa.Hpa, item: LabelledCrop) -> str:
    from edgelpr.preprocessing.crop import Preprocessing, scale

    crop = Preprocessing.of(DIGITS).apply(item.load())
    with torch.no_grad():
        return DIGITS.decode(network(torch.from_numpy(scale(crop[None]))).logits[0].argmax(-1).tolist())


def test_the_best_weights_are_kept_and_survive_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validation = Validation(_labelled(tmp_path), DIGITS, "mine")
    counts = iter([0, 2, 1, 0, 1])
    monkeypatch.setattr(Validation, "measure", lambda self, network: Validated(next(counts), 3))
    reports: list[Progress] = []

    def until_third(progress: Progress) -> None:
        reports.append(progress)
        _interrupt(progress)

    folder = tmp_path / "run"
    for _ in range(2):
        try:
            train(tiny_config(), Renderer(DIGITS), folder, validation=validation, schedule=EVERY, report=until_third)
        except KeyboardInterrupt:
            second = (folder / BEST_FILE).read_bytes()
    assert [report.validation_accuracy for report in reports] == [0.0, 0.6667, 0.3333, 0.0]
    assert (folder / BEST_FILE).read_bytes() == second  # of step 2, although the run went on in another sitting
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    entries = [*card["accuracy"], card["best"]]
    assert [(entry["weights"], entry["steps"], entry["correct"]) for entry in entries] == [
        ("checkpoint.safetensors", 4, 0),
        ("best.safetensors", 2, 2),
    ]
    assert all(entry["data"] == "mine" and entry["plates"] == 3 for entry in entries)
    assert "`best.safetensors` was chosen" in (folder / README_FILE).read_text(encoding="utf-8")
    benchmarked = card["accuracy"][0] | {"correct": 3}
    update_card(folder / CARD_FILE, [benchmarked])  # in place of the run's own figure
    assert json.loads((folder / CARD_FILE).read_text(encoding="utf-8")) == card | {"accuracy": [benchmarked]}


def test_the_best_of_other_validation_plates_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Validation, "measure", lambda self, network: Validated(self.plates // 3, self.plates))
    many, few = Validation(_labelled(tmp_path / "many", 9), DIGITS, "many"), Validation(_labelled(tmp_path, 1), DIGITS, "few")
    folder, said = tmp_path / "run", []
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(), Renderer(DIGITS), folder, validation=many, schedule=EVERY, report=_interrupt, say=said.append)
    assert said == []
    for again in range(2):
        train(tiny_config(), Renderer(DIGITS), folder, validation=few, schedule=EVERY, say=said.append)
        assert len(said) == 1 and "best.safetensors: was chosen on other plates than few" in said[0]
        card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        assert card["accuracy"][0]["data_sha256"] == few.measured_on["data_sha256"], again
        assert card["best"] | {"weights": ""} == card["accuracy"][0] | {"weights": ""}
    train(tiny_config(), Renderer(DIGITS), folder, validation=many, schedule=EVERY, say=said.append)  # it is finished
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    assert len(said) == 2 and "best" not in card and card["accuracy"][0]["plates"] == 9
    assert "was chosen" not in (folder / README_FILE).read_text(encoding="utf-8")


def test_straightened_plates_are_another_validation(tmp_path: Path) -> None:
    labelled = _labelled(tmp_path, 1)
    upright, straight = Validation(labelled, DIGITS), Validation(labelled, DIGITS, rectify=True)
    tally = Tally(best_correct=1, best_step=2, measured_on=upright.measured_on)
    assert not tally.forget_other_best(upright.measured_on) and tally.best_correct == 1
    assert tally.forget_other_best(straight.measured_on) and (tally.best_correct, tally.best_step) == (-1, 0)


def test_a_crop_that_trains_does_not_validate(tmp_path: Path) -> None:
    labelled = _labelled(tmp_path, 3)
    write_image(tmp_path / "copy.bmp", labelled[1].load())  # another file of the same pixels
    real = load_real_set([labelled[0], LabelledCrop(tmp_path / "copy.bmp", labelled[1].plate)], 50, "yard")
    config = tiny_config(real_share=0.5)
    validation = Validation(labelled[1:], DIGITS, "mine")
    with pytest.raises(TrainingError, match=r"1\.png: trains, in yard, and validates, in mine \(such crops: 1\)"):
        train(config, Renderer(DIGITS), tmp_path / "run", real=[real], validation=validation, schedule=QUIET)
    assert not (tmp_path / "run").exists()
    Validation(labelled[2:], DIGITS).check_apart([real])


def test_the_card_says_what_the_weights_are_and_where_they_come_from(tmp_path: Path, teacher: Path) -> None:
    from edgelpr.bundle.files import hash_file

    crop = np.zeros((20, 60), dtype=np.uint8)
    config = tiny_config(distillation_weight=1.0, real_share=0.25, pool=3)
    files = {"teacher": teacher, "start_from": teacher}
    real = [RealSet(((crop, "12"), (crop, "34")), "yard/labels.csv", "train")]
    renderer, recipe = Renderer(DIGITS), tmp_path / "recipes" / "small.yaml"
    train(config, renderer, tmp_path / "mine", real=real, recipe=recipe, schedule=QUIET, **files)  # type: ignore[arg-type]
    card = json.loads((tmp_path / "mine" / CARD_FILE).read_text(encoding="utf-8"))
    assert (card["name"], card["architecture"], card["plate_format"]) == ("mine", "hpa-small", "digits")
    assert card["recipe"] == ["recipes/small.yaml"] and card["settings"] == asdict(config) and card["seed"] == 0
    assert card["licence"] is None and card["crops_seen"] == 16 and card["rendered"]["pool"] == 3
    about = {"data": "yard/labels.csv", "part": "train", "crops": 2, "sha256": real[0].sha256, "rectify": False}
    assert card["real"] == [about] and "glyphs: the letters in the package" in card["data"]
    assert card["teacher"] == card["starts_from"] == {"file": teacher.name, "sha256": hash_file(teacher)[0]}
    assert card["versions"]["torch"] == torch.__version__ and "CPU" in card["device"] and card["accuracy"] == []
    readme = (tmp_path / "mine" / README_FILE).read_text(encoding="utf-8")
    assert readme.startswith("# mine\n") and "2 of yard/labels.csv (train part)" in readme
    assert "distillation_weight: 1.0" in readme
    assert str(tmp_path) not in readme and str(tmp_path) not in json.dumps(card)


def test_reports_are_flat_in_the_log(tmp_path: Path) -> None:
    reports: list[Progress] = []
    train(tiny_config(steps=1), Renderer(DIGITS), tmp_path, schedule=EVERY, report=reports.append)
    (line,) = (tmp_path / LOG_FILE).read_text(encoding="utf-8").splitlines()
    figures = ["loss", "sequence", "semantic", "position", "distillation", "plate_accuracy"]
    after = ["learning_rate", "plates_per_second", "seconds_left", "stage", "validation_accuracy"]
    assert list(json.loads(line)) == ["step", "steps", *figures, *after]
    assert json.loads(line)["loss"] == reports[0].outcome.loss > 0


def test_a_state_of_an_earlier_version_goes_on_with_the_defaults_of_new_settings(tmp_path: Path) -> None:
    whole = train(tiny_config(), Renderer(DIGITS), tmp_path / "whole", schedule=QUIET)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(), Renderer(DIGITS), tmp_path / "old", schedule=EVERY, report=_interrupt)
    state = torch.load(tmp_path / "old" / STATE_FILE, weights_only=True)
    for name in ("pool", "stages", "accumulate", "teacher", "rendered_plates", "rectify"):
        del state["identity"][name]
    del state["scaler"], state["tally"]
    torch.save(state, tmp_path / "old" / STATE_FILE)
    with pytest.raises(TrainingError, match="pool was 0, now 5"):
        train(tiny_config(pool=5), Renderer(DIGITS), tmp_path / "old", schedule=QUIET)
    assert_same_weights(whole, train(tiny_config(), Renderer(DIGITS), tmp_path / "old", schedule=QUIET))


def test_event_files_hold_the_reports(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    schedule = Schedule(report_every=2, save_every=1000, workers=0, tensorboard=True)
    reports: list[Progress] = []
    train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=schedule, report=reports.append)
    found = [(step, value) for step, tag, value in _events(tmp_path / "tensorboard") if tag == "loss/total"]
    assert found == [(report.step, pytest.approx(report.outcome.loss, rel=1e-5)) for report in reports] and len(found) == 2


def _events(folder: Path) -> list[tuple[int, str, float]]:
    """Step, tag and value of every figure: records of a length, its checksum, an event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = folder.iterdir()
    content, figures = file.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + length])
        figures += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
        content = content[16 + length :]
    return figures


def test_event_files_without_the_package_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from edgelpr.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    schedule = Schedule(workers=0, tensorboard=True)
    with pytest.raises(MissingDependencyError, match=r"\[tensorboard\]"):
        train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=schedule)
