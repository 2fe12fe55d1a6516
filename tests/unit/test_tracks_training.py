"""Training of IQ-STAN: settings, samples, loss, steps, resuming, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")
import torch

from edgelpr.cli.main import run
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.tracks import Track, TrackRenderer
from edgelpr.errors import TrainingError
from edgelpr.models import iq_stan
from edgelpr.models.iq_stan import IqStan, IqStanConfig, IqStanOutput
from edgelpr.models.iq_stan_checkpoint import load_iq_stan
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.averaging import Average
from edgelpr.training.distributed import Group
from edgelpr.training.progress import Schedule
from edgelpr.training.real import RealSet
from edgelpr.training.recipes import config_for
from edgelpr.training.state import Parts
from edgelpr.training.tracks import running
from edgelpr.training.tracks.confidence import fit_confidence
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.losses import track_losses
from edgelpr.training.tracks.progress import TrackProgress
from edgelpr.training.tracks.running import train_tracks
from edgelpr.training.tracks.samples import TrackSample, TrackSamples, as_sample
from edgelpr.training.tracks.stepping import TrackStepper
from edgelpr.training.tracks.validating import HELD_OUT_SEED, held_out_tracks, measure_tracks, stacked

PLATES = PlateFormat("digits", "0123456789", 3)
QUIET = Schedule(report_every=2, save_every=2, workers=0)
SMALL = IqStanConfig(widths=(8, 12, 16, 16, 24, 24), column_width=48, encoder_hidden=32, decoder_hidden=48, attention_width=32)


def _config(**changes: object) -> TrackConfig:
    fixed = {"steps": 4, "batch": 4, "warmup": 2, "averaging": 0.5, "own_choice": 0.5}
    return TrackConfig(**(fixed | changes))  # type: ignore[arg-type]


@pytest.fixture
def renderer() -> TrackRenderer:
    return TrackRenderer(Renderer(PLATES), Preprocessing(50, 150))


def _same(one: TrackSample, other: TrackSample) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other))


def test_samples_are_the_same_by_number_and_easier_at_first(renderer: TrackRenderer) -> None:
    config = _config(steps=2000, easing=1000, easiest=0.1)
    samples = TrackSamples(renderer, config)
    assert _same(samples[7], TrackSamples(renderer, config)[7]) and not _same(samples[7], samples[8])
    assert len(samples) == 8000
    assert config.hardness(0) == 0.1 and config.hardness(500) == pytest.approx(0.55) and config.hardness(1500) == 1
    early, late = (np.mean([_mean_quality(samples[first + n]) for n in range(12)]) for first in (0, 6000))
    assert early > late + 0.1


def _mean_quality(sample: TrackSample) -> float:
    return float(sample.quality.sum() / sample.present.sum())


def test_some_samples_have_fewer_frames_and_absent_ones_are_empty(renderer: TrackRenderer) -> None:
    samples = TrackSamples(renderer, _config(few_frames=1.0))
    counts = set()
    for number in range(12):
        frames, present, quality, _ = samples[number]
        count = int(present.sum())
        counts.add(count)
        assert 1 <= count <= 4 and bool(present[:count].all())
        assert not frames[count:].any() and not quality[count:].any() and bool(frames[:count].any())
    assert len(counts) > 1
    full = TrackSamples(renderer, _config(few_frames=0.0))
    assert all(full[number].present.sum() == 5 for number in range(6))


def test_real_crops_become_tracks(renderer: TrackRenderer) -> None:
    crop = np.random.default_rng(0).integers(0, 255, (30, 90), dtype=np.uint8)
    real = (RealSet(((crop, "123"),)),)
    sample = TrackSamples(renderer, _config(real_share=1.0), real)[0]
    assert sample.classes.tolist() == [1, 2, 3]
    with pytest.raises(TrainingError, match=r"real_share is 0.5 with 0 sets"):
        TrackSamples(renderer, _config(real_share=0.5))
    with pytest.raises(TrainingError, match=r"real_share is 0.0 with 1 sets"):
        TrackSamples(renderer, _config(), real)
    with pytest.raises(TrainingError, match="do not fit"):
        TrackSamples(renderer, _config(real_share=0.5), (RealSet(((crop, "12"),)),))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"batch": 1}, "batch is 1; expected 2 or more"),
        ({"quality": "some"}, "quality is some; expected one of none, branch"),
        ({"quality_weight": 1.0}, "quality_weight is 1.0; expected 0 to below 1"),
        ({"easiest": 2}, "easiest is 2; expected 0 to 1"),
        ({"real_weights": "a"}, "expected numbers between commas"),
        ({"real_weights": "0"}, "expected numbers above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
    ],
)
def test_settings_out_of_range_are_explained(setting: dict[str, object], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        _config(**setting)


def test_the_learning_rate_warms_up_and_falls() -> None:
    config = _config(steps=100, warmup=10, learning_rate=1.0)
    rates = [config.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == pytest.approx(1) and rates[10:] == sorted(rates[10:], reverse=True)


def test_the_loss_is_half_of_each_and_absent_frames_do_not_count() -> None:
    logits = torch.zeros(1, 3, 10)
    quality = torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.0]])
    output = IqStanOutput(logits, torch.empty(0), quality, None)
    labels, present = torch.tensor([[0.75, 0.25, 0.9, 0.9, 0.9]]), torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]])
    sample = TrackSample(torch.empty(0), present, labels, torch.tensor([[1, 2, 3]]))
    losses = track_losses(output, sample, 0.5)
    assert losses.recognition.item() == pytest.approx(3 * np.log(10), rel=1e-5)
    assert losses.quality.item() == pytest.approx(0.5)
    assert losses.total.item() == pytest.approx(0.5 * 3 * np.log(10) + 0.25, rel=1e-5)
    bare = track_losses(output._replace(quality=None), sample, 0.5)
    assert bare.total.item() == bare.recognition.item() and bare.quality.item() == 0


def test_a_small_set_is_learned_by_heart(renderer: TrackRenderer) -> None:
    torch.manual_seed(0)
    config = _config(steps=70, batch=4, warmup=5, learning_rate=8e-3, averaging=0.8, own_choice=0.0)
    network = IqStan(replace(SMALL, dropout=0.0), PLATES)
    parts = Parts(network, Average(network, config.averaging), torch.optim.AdamW(network.parameters()))
    stepper, batch = TrackStepper(config, parts, Group(), torch.device("cpu")), held_out_tracks(renderer, 4)
    outcomes = [stepper.take(step, batch) for step in range(config.steps)]
    assert outcomes[-1].loss < 0.3 * outcomes[0].loss and outcomes[-1].quality < 0.5 * outcomes[0].quality
    figures = measure_tracks(parts.average.network, batch)
    assert figures.plate_accuracy > 0.8 and figures.quality_correlation is not None and figures.quality_correlation > 0.5


def test_a_loss_that_is_not_finite_stops_the_run(renderer: TrackRenderer) -> None:
    network = IqStan(SMALL, PLATES)
    parts = Parts(network, Average(network, 0.5), torch.optim.AdamW(network.parameters()))
    with torch.no_grad():
        network.decoder.classify.bias[0] = torch.inf
    with pytest.raises(TrainingError, match="loss at step 4 is not finite"):
        TrackStepper(_config(), parts, Group(), torch.device("cpu")).take(3, held_out_tracks(renderer, 2))


def test_tracks_become_samples_in_the_order_that_is_asked_for(renderer: TrackRenderer) -> None:
    track = renderer.render(0, 0)
    sample = as_sample(track, [3, 1], PLATES)
    assert sample.present.tolist() == [1, 1, 0, 0, 0]
    assert sample.quality[:2].tolist() == pytest.approx([track.quality[3], track.quality[1]])
    assert torch.equal(stacked([sample, sample]).frames[1], sample.frames)


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network under its own name, but so small that a step takes no time."""
    monkeypatch.setattr(iq_stan.IqStanConfig.__init__, "__defaults__", tuple(vars(SMALL).values()))


@pytest.mark.usefixtures("small_network")
def test_a_run_goes_on_where_it_stopped(tmp_path: Path, renderer: TrackRenderer) -> None:
    whole = train_tracks(_config(), renderer, tmp_path / "whole", schedule=QUIET, held_out=2)
    seen: list[TrackProgress] = []

    class StoppedError(Exception):
        pass

    def stop(progress: TrackProgress) -> None:
        seen.append(progress)
        raise StoppedError

    with pytest.raises(StoppedError):
        train_tracks(_config(), renderer, tmp_path / "parts", schedule=QUIET, held_out=2, report=stop)
    assert [progress.step for progress in seen] == [2]
    said: list[str] = []
    more = {"held_out": 2, "report": seen.append, "say": said.append}
    parts = train_tracks(_config(), renderer, tmp_path / "parts", schedule=QUIET, **more)
    assert any(f"Fitting the confidence of {parts}" in line for line in said) and load_iq_stan(parts).confidence is not None
    assert seen[-1].step == 4 and seen[-1].held_out is not None
    expected, found = load_iq_stan(whole).state_dict(), load_iq_stan(parts).state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    lines = (tmp_path / "parts" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4] and "plate_accuracy" in json.loads(lines[-1])
    with pytest.raises(TrainingError, match="seed was 0, now 1"):
        train_tracks(_config(seed=1), renderer, tmp_path / "parts", schedule=QUIET, held_out=0)


@pytest.mark.usefixtures("small_network")
def test_a_run_starts_from_a_checkpoint_of_the_same_network(tmp_path: Path, renderer: TrackRenderer) -> None:
    first = train_tracks(_config(steps=1), renderer, tmp_path / "first", schedule=QUIET, held_out=0)
    kept = train_tracks(
        _config(steps=1, learning_rate=1e-9, weight_decay=0.0),
        renderer,
        tmp_path / "kept",
        start_from=first,
        schedule=QUIET,
        held_out=0,
    )
    before, after = load_iq_stan(first).state_dict(), load_iq_stan(kept).state_dict()
    assert torch.allclose(before["decoder.classify.weight"], after["decoder.classify.weight"], atol=1e-6)
    with pytest.raises(TrainingError, match="other parts or reads other plates"):
        train_tracks(_config(quality="none"), renderer, tmp_path / "other", start_from=first, schedule=QUIET)
    with pytest.raises(TrainingError, match="held-out"):
        train_tracks(_config(seed=HELD_OUT_SEED), renderer, tmp_path / "seed", schedule=QUIET)


def test_a_recipe_names_the_network(tmp_path: Path) -> None:
    recipe = tmp_path / "tracks.yaml"
    recipe.write_text("architecture: iq-stan\nquality: none\nsteps: 9\n", encoding="utf-8")
    config = config_for(recipe, {"batch": 7, "stages": None})
    assert isinstance(config, TrackConfig) and (config.quality, config.steps, config.batch) == ("none", 9, 7)
    with pytest.raises(TrainingError, match="iq-stan has no setting stages"):
        config_for(recipe, {"stages": "S+P+C"})
    recipe.write_text("architecture: iq-stan\nstages: S+P+C\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="unknown setting stages; known: .*easing"):
        config_for(recipe, {})


@pytest.mark.usefixtures("small_network")
def test_the_command_trains_on_tracks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "held_out_tracks", lambda renderer, count: held_out_tracks(renderer, count // 250))
    monkeypatch.setattr(running, "fit_confidence", lambda network, renderer, tracks: fit_confidence(network, renderer, 8))
    fixed = ["train", "-o", str(tmp_path / "run"), "--architecture", "iq-stan", "--batch", "2", "--workers", "0", "--json"]
    assert run([*fixed, "--steps", "1", "--warmup", "1"]) == 0
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.strip().splitlines()]
    assert lines[0]["step"] == 1 and lines[-1]["checkpoint"].endswith("checkpoint.safetensors")
    assert "steps of 2 tracks" in printed.err and "Next: edgelpr export" in printed.err
    assert run([*fixed, "--pool-folder", str(tmp_path)]) == 2
    assert "--pool-folder is for networks that read single crops" in capsys.readouterr().err


@pytest.mark.parametrize(("rank", "speaks"), [("0", True), ("1", False)])
def test_of_several_processes_the_first_one_speaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rank: str, speaks: bool
) -> None:
    monkeypatch.setattr(running, "train_tracks", lambda config, renderer, folder, **more: folder / "checkpoint.safetensors")
    for name, value in {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "here", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    assert run(["train", "-o", str(tmp_path / "run"), "--architecture", "iq-stan"]) == 0
    printed = capsys.readouterr()
    assert ("Weights in" in printed.out, "Training iq-stan" in printed.err) == (speaks, speaks)
    assert speaks or not printed.out + printed.err


def test_a_track_of_no_frames_is_no_sample() -> None:
    empty = as_sample(Track((), (), "123", "none"), [], PLATES)
    assert empty.present.sum() == 0 and not empty.frames.any()
