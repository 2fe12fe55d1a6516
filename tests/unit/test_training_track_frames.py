"""Training on frames of tracks: the very frames of the tracks that IQ-STAN trains on, one at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")
import torch
from tiny_training import DIGITS, QUIET, TINY, tiny_config

from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.tracks import TrackRenderer
from edgelpr.errors import TrainingError
from edgelpr.models import hpa
from edgelpr.models.iq_stan import FRAMES
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.loop import train
from edgelpr.training.real import RealSet
from edgelpr.training.samples import TrainingSamples
from edgelpr.training.track_frames import TrackFrameSource, damage_real
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.samples import TrackSamples


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hpa.ARCHITECTURES, TINY.name, TINY)


def test_frames_are_those_that_iq_stan_trains_on() -> None:
    renderer, source = Renderer(DIGITS), TrackFrameSource(Renderer(DIGITS), 3)
    tracks = TrackRenderer(renderer, Preprocessing.of(DIGITS))
    drawn = [tracks.render(3, number, FRAMES, 1.0) for number in (0, 1)]
    assert np.array_equal(source.take(7).crop, Preprocessing.of(DIGITS).apply(drawn[1].frames[2]))
    theirs = TrackSamples(tracks, TrackConfig(seed=3, easing=0, few_frames=0.0, batch=2))
    for number, track in enumerate(drawn):
        taken = [source.take(FRAMES * number + place) for place in range(FRAMES)]
        assert {tuple(each.classes) for each in taken} == {tuple(DIGITS.encode(track.plate))}
        assert tuple(theirs[number].classes.tolist()) == DIGITS.encode(track.plate)
        assert len({each.crop.tobytes() for each in taken}) == FRAMES
        assert all(np.isnan(each.boxes).all() for each in taken)


def test_a_frame_is_the_same_whatever_was_taken_before() -> None:
    source = TrackFrameSource(Renderer(DIGITS), 3)
    frames = [source.take(number).crop for number in (6, 0, 6)]
    assert np.array_equal(frames[0], frames[2]) and not np.array_equal(frames[0], frames[1])


def test_real_crops_are_damaged_as_those_of_tracks() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (24, 94, 3), dtype=np.uint8)
    source = TrackFrameSource(Renderer(DIGITS), 0)
    samples = TrainingSamples(source, 0, 40, [RealSet(((crop, "1234"),))], 0.5, vary=damage_real)
    plain = TrainingSamples(source, 0, 40, [RealSet(((crop, "1234"),))], 0.5)
    changed = [not torch.equal(samples[number].crop, plain[number].crop) for number in range(40)]
    assert 8 <= sum(changed) <= 32 and samples[changed.index(True)].classes.tolist() == [1, 2, 3, 4]
    assert damage_real(crop, np.random.default_rng(1)).tobytes() == damage_real(crop, np.random.default_rng(1)).tobytes()


def test_a_run_takes_frames_and_another_kind_of_run_does_not_go_on_in_its_folder(tmp_path: Path) -> None:
    config = tiny_config(track_frames=True, semantic_weight=0.0, position_weight=0.0, averaging=0.0)
    frames = train(config, Renderer(DIGITS), tmp_path / "frames", schedule=QUIET)
    plain = train(
        tiny_config(semantic_weight=0.0, position_weight=0.0, averaging=0.0),
        Renderer(DIGITS),
        tmp_path / "plain",
        schedule=QUIET,
    )
    assert frames.read_bytes() != plain.read_bytes()
    with pytest.raises(TrainingError, match="track_frames"):
        train(tiny_config(), Renderer(DIGITS), tmp_path / "frames", schedule=QUIET)


def test_what_frames_of_tracks_cannot_give_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"pool is 8, but it keeps single plates"):
        tiny_config(track_frames=True, pool=8)
    with pytest.raises(TrainingError, match=r"no character's place is known"):
        tiny_config(track_frames=True, stages="S+P>C")
