"""The trainer: losses as in the paper, resumable to the step, and it learns."""

from __future__ import annotations

import errno
import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import DIGITS, QUIET, TINY, tiny_config, weights_of

from edgelpr.data.cropping import Cut
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.writing import write_image
from edgelpr.errors import TrainingError
from edgelpr.models import hpa
from edgelpr.models.checkpoint import load_checkpoint, save_checkpoint
from edgelpr.models.hpa import HpaOutput, create
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training import state as state_module
from edgelpr.training.averaging import Average
from edgelpr.training.loop import train
from edgelpr.training.losses import box_masks, hpa_loss, position_labels, semantic_labels
from edgelpr.training.optimizing import learning_rate
from edgelpr.training.progress import LOG_FILE, Schedule
from edgelpr.training.real import RealSet, load_real_set
from edgelpr.training.recipes import make_config
from edgelpr.training.rendered import RenderedSource
from edgelpr.training.samples import TrainingSamples
from edgelpr.training.state import STATE_FILE, Parts, save_state
from edgelpr.training.varying_real import vary_real


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hpa.ARCHITECTURES, TINY.name, TINY)


def test_labels_come_from_boxes() -> None:
    boxes = torch.tensor([[[0.0, 0.0, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0], [math.nan] * 4]])
    inside = box_masks(boxes, (2, 4))
    assert inside.shape == (1, 3, 2, 4)
    semantic = semantic_labels(inside, torch.tensor([[3, 7, 10]]), background=11)
    assert semantic.tolist() == [[[3, 3, 11, 11], [3, 3, 7, 7]]]
    assert position_labels(inside).tolist() == [[[0, 0, 3, 3], [0, 0, 1, 1]]]


def _output(classes: torch.Tensor, sure: float) -> HpaOutput:
    logits = sure * torch.nn.functional.one_hot(classes, 11).float()
    semantic = torch.zeros(len(classes), 12, 7, 20)
    position = torch.full((len(classes), 5, 7, 20), 0.2)
    return HpaOutput(logits, semantic, position)


def test_loss_is_the_sum_over_positions_plus_both_supervisions() -> None:
    classes = torch.tensor([[1, 2, 3, 10]])
    boxes = torch.tensor([[[0.0, 0.1, 0.2, 0.9], [0.3, 0.1, 0.5, 0.9], [0.6, 0.1, 0.8, 0.9], [math.nan] * 4]])
    losses = hpa_loss(_output(classes, 0.0), classes, boxes, tiny_config())
    assert losses.sequence.item() == pytest.approx(4 * math.log(11), rel=1e-5)
    assert losses.semantic.item() == pytest.approx(math.log(12), rel=1e-5)
    assert losses.position.item() == pytest.approx(math.log(5), rel=1e-5)
    assert losses.total.item() == pytest.approx(4 * math.log(11) + math.log(12) + math.log(5), rel=1e-5)
    assert hpa_loss(_output(classes, 50.0), classes, boxes, tiny_config()).sequence.item() < 1e-3


def test_supervision_can_be_switched_off_and_real_crops_have_none() -> None:
    classes, unknown = torch.tensor([[1, 2, 3, 10]]), torch.full((1, 4, 4), math.nan)
    known = torch.tensor([[[0.0, 0.1, 0.2, 0.9]] * 4])
    off = hpa_loss(_output(classes, 0.0), classes, known, tiny_config(semantic_weight=0, position_weight=0))
    assert off.semantic.item() == off.position.item() == 0
    real = hpa_loss(_output(classes, 0.0), classes, unknown, tiny_config())
    assert real.semantic.item() == real.position.item() == 0 and real.sequence.item() > 0


def test_stopping_and_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    renderer = Renderer(DIGITS)
    whole = train(tiny_config(), renderer, tmp_path / "whole", schedule=QUIET)

    def interrupt(progress: object) -> None:
        raise KeyboardInterrupt

    stops = Schedule(report_every=3, save_every=2, workers=0)
    with pytest.raises(KeyboardInterrupt):  # the report of step 3 comes before anything of it is saved
        train(tiny_config(), renderer, tmp_path / "parts", schedule=stops, report=interrupt)
    assert torch.load(tmp_path / "parts" / STATE_FILE, weights_only=True)["step"] == 2
    parts = train(tiny_config(), renderer, tmp_path / "parts", schedule=QUIET)
    expected, found = weights_of(whole), weights_of(parts)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    first = train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)
    before = first.read_bytes()
    assert train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET).read_bytes() == before


def test_resuming_with_other_settings_or_a_damaged_state_is_refused(tmp_path: Path) -> None:
    train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)
    with pytest.raises(TrainingError, match="seed was 0, now 5"):
        train(tiny_config(seed=5), Renderer(DIGITS), tmp_path, schedule=QUIET)
    state = tmp_path / STATE_FILE
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"state\.pt: damaged"):
        train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)
    torch.save([1, 2], state)
    with pytest.raises(TrainingError, match=r"state\.pt: damaged"):
        train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)


def test_resuming_with_another_alphabet_glyphs_or_crops_is_refused(tmp_path: Path) -> None:
    train(tiny_config(), Renderer(DIGITS, description="font"), tmp_path, schedule=QUIET)
    backwards = PlateFormat("digits", DIGITS.alphabet[::-1], 4, void=True)
    for renderer, word in ((Renderer(backwards, description="font"), "plate_format"), (Renderer(DIGITS), "glyphs")):
        with pytest.raises(TrainingError, match=f"{word} was"):
            train(tiny_config(), renderer, tmp_path, schedule=QUIET)


def test_resuming_with_a_renderer_that_draws_otherwise_is_refused(tmp_path: Path) -> None:
    train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)
    with pytest.raises(TrainingError, match="rendered_plates was"):
        train(tiny_config(), Renderer(DIGITS, heights=(30.0, 31.0)), tmp_path, schedule=QUIET)


def test_a_finished_run_without_its_checkpoint_gets_it_again(tmp_path: Path) -> None:
    path = train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)
    content = path.read_bytes()
    path.unlink()
    assert train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET).read_bytes() == content


def test_resuming_from_another_start_is_refused(tmp_path: Path) -> None:
    for seed in (1, 2):
        torch.manual_seed(seed)
        save_checkpoint(tmp_path / f"{seed}.safetensors", create("hpa-small", DIGITS))
    train(tiny_config(), Renderer(DIGITS), tmp_path / "run", start_from=tmp_path / "1.safetensors", schedule=QUIET)
    with pytest.raises(TrainingError, match="start_from was"):
        train(tiny_config(), Renderer(DIGITS), tmp_path / "run", start_from=tmp_path / "2.safetensors", schedule=QUIET)


def test_a_full_disk_keeps_the_last_state_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)
    before = (tmp_path / STATE_FILE).read_bytes()

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state_module, "write_atomically", full)
    parts = Parts(torch.nn.Linear(1, 1), Average(torch.nn.Linear(1, 1), 0.0), torch.optim.SGD([torch.zeros(1)], lr=0.1))
    with pytest.raises(TrainingError, match=r"state\.pt: cannot be written \(No space left"):
        save_state(tmp_path, 1, {}, parts)
    assert (tmp_path / STATE_FILE).read_bytes() == before and not list(tmp_path.glob(".*"))


def test_it_learns(tmp_path: Path) -> None:
    reports: list[float] = []
    schedule = Schedule(report_every=5, save_every=1000, workers=0)
    config = tiny_config(steps=40, batch=16, learning_rate=1e-2)
    train(config, Renderer(DIGITS), tmp_path, schedule=schedule, report=lambda progress: reports.append(progress.outcome.loss))
    assert reports[-1] < 0.85 * reports[0]
    assert len((tmp_path / LOG_FILE).read_text(encoding="utf-8").splitlines()) == len(reports) == 8


@pytest.mark.parametrize("classifier", ["separate", "separate-no-maps"])
def test_the_other_classifiers_train_too(tmp_path: Path, classifier: str) -> None:
    path = train(tiny_config(classifier=classifier, optimizer="rmsprop", half=True), Renderer(DIGITS), tmp_path, schedule=QUIET)
    assert load_checkpoint(path).config.classifier == classifier


def test_starting_from_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "other.safetensors", create("hpa-small", PlateFormat("letters", "ABC", 4, void=True)))
    with pytest.raises(TrainingError, match="alphabet ABC, this run trains 0123456789.*--transfer"):
        train(tiny_config(), Renderer(DIGITS), tmp_path / "run", start_from=tmp_path / "other.safetensors", schedule=QUIET)


def test_with_transfer_what_both_formats_read_is_taken_over(tmp_path: Path) -> None:
    letters = create("hpa-small", PlateFormat("mixed", "ABC0", 4, void=True))
    save_checkpoint(tmp_path / "other.safetensors", letters)
    config = tiny_config(transfer=True, learning_rate=1e-9, averaging=0.0)
    path = train(config, Renderer(DIGITS), tmp_path / "run", start_from=tmp_path / "other.safetensors", schedule=QUIET)
    ours, theirs = load_checkpoint(path).state_dict(), letters.state_dict()
    assert torch.allclose(ours["spatial.blocks.0.conv.weight"], theirs["spatial.blocks.0.conv.weight"], atol=1e-6)
    assert torch.allclose(ours["classifiers.0.linear.weight"][0], theirs["classifiers.0.linear.weight"][3], atol=1e-6)


def test_samples_are_the_same_in_any_order_and_preprocessed_like_the_runtime_does() -> None:
    renderer = Renderer(DIGITS)
    samples = TrainingSamples(RenderedSource(renderer, 3), seed=3, length=10)
    later, again = samples[7], TrainingSamples(RenderedSource(renderer, 3), seed=3, length=10)[7]
    assert torch.equal(later.crop, again.crop) and torch.equal(later.boxes.nan_to_num(), again.boxes.nan_to_num())
    expected = Preprocessing.of(DIGITS).apply(renderer.render(3, 7).image)
    assert np.array_equal(later.crop.numpy(), expected)
    length = int((later.classes < 10).sum())
    assert later.boxes[:length].isfinite().all() and later.boxes[length:].isnan().all()
    assert later.boxes[:length].min() >= 0 and later.boxes[:length].max() <= 1


def _mixed(*sets: RealSet, share: float = 0.5, weights: tuple[float, ...] = ()) -> TrainingSamples:
    return TrainingSamples(RenderedSource(Renderer(DIGITS), 0), 0, 40, sets, share, weights)


def _real(*plates: str) -> RealSet:
    crop = np.random.default_rng(0).integers(0, 256, (24, 94, 3), dtype=np.uint8)
    return RealSet(tuple((crop, plate) for plate in plates))


def test_real_crops_are_mixed_in_without_boxes() -> None:
    samples = _mixed(_real("1234"))
    real = [sample for sample in map(samples.__getitem__, range(40)) if bool(sample.boxes.isnan().all())]
    assert 8 <= len(real) <= 32 and all(sample.classes.tolist() == [1, 2, 3, 4] for sample in real)
    with pytest.raises(TrainingError, match="1 of 2 real crops have labels that do not fit: plate '1-3'"):
        _mixed(_real("123", "1-3"))
    with pytest.raises(TrainingError, match="their share is 0"):
        _mixed(_real("1234"), share=0)
    with pytest.raises(TrainingError, match="--real LABELS"):
        _mixed()
    with pytest.raises(TrainingError, match="no crop in this set"):
        _real()


def test_real_crops_are_kept_grey_and_no_larger_than_needed(tmp_path: Path) -> None:
    colours = np.zeros((200, 640, 3), dtype=np.uint8)
    colours[..., 2] = 255
    for name, image in (("large.png", colours), ("small.png", colours[:30, :90])):
        write_image(tmp_path / name, image)
    labelled = [LabelledCrop(tmp_path / "large.png", "12"), LabelledCrop(tmp_path / "small.png", "34")]
    counted: list[tuple[int, int]] = []
    real = load_real_set(labelled, 50, "yard", "train", progress=lambda done, total: counted.append((done, total)))
    assert [crop.shape for crop, _ in real.crops] == [(100, 320), (30, 90)] and counted == [(1, 2), (2, 2)]
    assert {int(value) for crop, _ in real.crops for value in np.unique(crop)} == {76}  # of red, by BT.601
    about = {"data": "yard", "part": "train", "crops": 2, "rectify": False}
    assert real.to_dict() == about | {"sha256": real.sha256}
    other = RealSet(tuple((crop, plate[::-1]) for crop, plate in real.crops))
    assert len({real.sha256, other.sha256, load_real_set(labelled[::-1], 50).sha256}) == 3


def test_real_crops_are_straightened_when_asked_for_and_a_run_goes_on_with_such_only(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (120, 200), dtype=np.uint8)
    write_image(tmp_path / "photo.png", photo)
    cut = Cut((40, 30, 160, 90), ((40, 50), (150, 30), (160, 70), (50, 90)))
    labelled = [LabelledCrop(tmp_path / "photo.png", "12", cut=cut)]
    upright, straight = (load_real_set(labelled, 50, rectify=rectify) for rectify in (False, True))
    assert upright.sha256 != straight.sha256 and straight.to_dict()["rectify"] is True
    config = tiny_config(real_share=0.5, steps=1)
    train(config, Renderer(DIGITS), tmp_path / "run", real=[upright], schedule=QUIET)
    with pytest.raises(TrainingError, match="rectify was False, now True"):
        train(config, Renderer(DIGITS), tmp_path / "run", real=[straight], schedule=QUIET)


def test_sets_of_real_crops_are_drawn_equally_often_or_by_their_weights() -> None:
    small, large = _real("1111"), _real(*["2222"] * 9)

    def shares(weights: tuple[float, ...]) -> float:
        samples = _mixed(small, large, share=1.0, weights=weights)
        return sum(int(sample.classes[0]) == 1 for sample in map(samples.__getitem__, range(40))) / 40

    assert 0.25 <= shares(()) <= 0.75
    assert shares((9.0, 1.0)) >= 0.75
    with pytest.raises(TrainingError, match="1 weights for 2 sets"):
        shares((1.0,))


def test_real_crops_vary_and_keep_their_polarity() -> None:
    crop = np.full((40, 120, 3), 30, dtype=np.uint8)
    crop[:, 60:] = 220
    rng = np.random.default_rng(0)
    varied = [vary_real(crop, rng) for _ in range(60)]
    assert len({image.tobytes() for image in varied}) == 60
    assert all(image.dtype == np.uint8 and image.ndim == 3 and min(image.shape[:2]) >= 14 for image in varied)
    halves = [np.array_split(image.astype(float), 2, axis=1) for image in varied]
    assert sum(dark.mean() < bright.mean() for dark, bright in halves) >= 58  # glare may outshine a half, rarely
    assert vary_real(crop[:, :, 0], rng).ndim == 3


def test_learning_rate_warms_up_and_falls() -> None:
    config = tiny_config(steps=100, warmup=10, learning_rate=1.0)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) and rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True) and 0.01 <= rates[-1] < 0.02
    constant = tiny_config(steps=100, warmup=10, learning_rate=1.0, learning_rate_schedule="constant")
    assert {learning_rate(constant, step) for step in range(10, 100)} == {1.0}


def test_recipes_are_read_and_their_mistakes_explained(tmp_path: Path) -> None:
    recipe = tmp_path / "paper.yaml"
    recipe.write_text("architecture: hpa-resnet18\noptimizer: rmsprop\nlearning_rate: 2.0e-5\nbatch: 256\n", encoding="utf-8")
    config = make_config(recipe, {"steps": 7, "seed": None})
    assert (config.optimizer, config.learning_rate, config.batch, config.steps, config.seed) == ("rmsprop", 2e-5, 256, 7, 0)
    recipe.write_text("learningrate: 1\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="unknown setting learningrate; known: .*learning_rate"):
        make_config(recipe, {})
    recipe.write_text("steps: many\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="steps is 'many'; expected int"):
        make_config(recipe, {})
    with pytest.raises(TrainingError, match="cannot be read as a recipe"):
        make_config(tmp_path / "absent.yaml", {})
    recipe.write_text("learning_rate: .nan\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="learning_rate is nan; expected more than 0"):
        make_config(recipe, {})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"real_share": 2}, "real_share is 2; expected 0 to 1"),
        ({"classifier": "foo"}, "classifier is foo; expected one of shared"),
        ({"optimizer": "sgd"}, "optimizer is sgd; expected one of adamw"),
        ({"semantic_weight": math.inf}, "semantic_weight is inf; expected 0 or more"),
        ({"accumulate": 3}, "accumulate is 3; expected a divisor of the batch, 4"),
        ({"real_weights": "2,x"}, "real_weights is '2,x'; expected numbers between commas"),
        ({"real_weights": "2,0"}, "real_weights is 2,0; expected numbers above 0"),
        ({"learning_rate_schedule": "step"}, "learning_rate_schedule is step; expected one of cosine, constant"),
        ({"stages": "C>S"}, "stages is C>S; expected one of S"),
        ({"stages": "S>P>C", "semantic_weight": 0}, "semantic_weight is 0, but the stages S>P>C train S by that supervision"),
        ({"stages": "S+P>C", "position_weight": 0}, "position_weight is 0, but the stages"),
        ({"stages": "S>P>C", "classifier": "separate-no-maps"}, "no position network to train"),
        ({"stages": "S>P>C", "stage_steps": "2,2"}, "expected 3 whole numbers above 0 that sum to steps, 4"),
        ({"stages": "S+P>C", "steps": 3, "stage_steps": "2.9,1"}, "stage_steps is 2.9,1; expected 2 whole numbers"),
        ({"stages": "S>P>C", "steps": 2}, "stage_steps is 2; expected 3 whole numbers"),
    ],
)
def test_a_setting_out_of_range_is_refused(setting: dict[str, object], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        tiny_config(**setting)


def test_the_checkpoint_tells_how_it_was_made(tmp_path: Path) -> None:
    from safetensors import safe_open

    path = train(tiny_config(), Renderer(DIGITS), tmp_path, schedule=QUIET)
    with safe_open(path, framework="pt") as file:
        notes = json.loads(file.metadata()["edgelpr"])["notes"]
    assert json.loads(notes["config"]) == asdict(tiny_config()) and notes["steps"] == "4"
