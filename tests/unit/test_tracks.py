"""Rendered tracks: the same for a seed, damaged frame by frame, scored against the pristine capture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.damage import Damage, choose_damage
from edgelpr.data.rendering.tracks.degrading import Camera, degrade
from edgelpr.data.rendering.tracks.legibility import legibility
from edgelpr.data.rendering.tracks.motion import choose_damages, choose_track
from edgelpr.data.rendering.tracks.tracks import Track, TrackRenderer
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image

FRAME = Preprocessing(50, 150)
CAMERA = Camera(seed=1, infrared=False, level=120, coloured=False, sharpening=0)


@pytest.fixture(scope="module")
def tracks() -> TrackRenderer:
    return TrackRenderer(Renderer(load_plate_format("cn")), FRAME)


@pytest.fixture(scope="module")
def sharp(tracks: TrackRenderer) -> Image:
    """A large clear capture."""
    found = [tracks.render(3, number, hardness=0.0) for number in range(6)]
    frames = [frame for track in found for frame in track.frames]
    return max(frames, key=lambda frame: frame.shape[0])


def _same(one: Track, other: Track) -> bool:
    pairs = zip(one.frames, other.frames)
    return all(np.array_equal(*pair) for pair in pairs) and replace(one, frames=()) == replace(other, frames=())


def test_a_track_is_the_same_for_its_seed_and_number(tracks: TrackRenderer) -> None:
    first = tracks.render(7, 3)
    tracks.render(7, 4)
    assert _same(tracks.render(7, 3), first)
    assert not _same(tracks.render(8, 3), first) and not _same(tracks.render(7, 4), first)


def test_a_track_shows_one_plate_in_frames_that_differ(tracks: TrackRenderer) -> None:
    for number in range(5):
        track = tracks.render(0, number)
        assert len(track.frames) == len(track.quality) == 5 and tracks.plate_format.encode(track.plate)
        assert all(frame.ndim == 3 and frame.dtype == np.uint8 for frame in track.frames)
        assert all(0 <= quality <= 1 for quality in track.quality)
        assert len({frame.tobytes() for frame in track.frames}) == 5


def test_any_plate_format_and_number_of_frames_is_drawn() -> None:
    renderer = TrackRenderer(Renderer(PlateFormat("digits", "0123456789", 4)), FRAME)
    track = renderer.render(0, 0, frames=2)
    assert len(track.frames) == 2 and len(track.plate) == 4


def test_harder_tracks_are_less_legible(tracks: TrackRenderer) -> None:
    means = [np.mean([tracks.render(5, n, hardness=hardness).quality for n in range(12)]) for hardness in (0.0, 0.5, 1.0)]
    assert means[0] > 0.9 and means[0] > means[1] > means[2]


def test_tracks_mix_good_and_bad_frames_and_some_have_no_good_one(tracks: TrackRenderer) -> None:
    quality = np.array([tracks.render(2, number).quality for number in range(40)])
    spread = quality.max(1) - quality.min(1)
    assert (spread > 0.4).mean() > 0.25 and (quality.max(1) < 0.75).mean() > 0.1


def test_a_plate_comes_nearer_or_drives_away() -> None:
    growing = 0
    for seed in range(40):
        heights = [moment.height for moment in choose_track(5, 1.0, np.random.default_rng(seed))]
        assert heights == sorted(heights) or heights == sorted(heights, reverse=True)
        growing += heights[-1] > heights[0]
    assert 25 <= growing < 40


@pytest.mark.parametrize("trouble", ["defocus", "noise", "motion"])
def test_legibility_falls_with_damage(sharp: Image, trouble: str) -> None:
    strengths = {"defocus": (0.0, 0.03, 0.06, 0.12), "noise": (0.0, 15.0, 40.0, 90.0), "motion": (0.0, 0.1, 0.25, 0.5)}[trouble]
    pristine = FRAME.apply(sharp)
    scores = []
    for strength in strengths:
        frame = degrade(sharp, Damage(**{trouble: strength}), CAMERA, np.random.default_rng(0))  # type: ignore[arg-type]
        scores.append(legibility(FRAME.apply(frame), pristine))
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.9 and scores[0] - scores[-1] > 0.3


def test_legibility_is_1_for_the_pristine_capture_and_0_for_nothing(sharp: Image) -> None:
    pristine = FRAME.apply(sharp)
    assert legibility(pristine, pristine) == pytest.approx(1, abs=1e-3)
    darker = (pristine * 0.7 + 20).astype(np.uint8)
    assert legibility(darker, pristine) > 0.95  # brightness and contrast do not count
    assert legibility(np.full_like(pristine, 90), pristine) < 1e-3
    assert legibility(np.asarray(255 - pristine), pristine) == 0  # negative correlation


def test_what_is_hidden_lowers_the_score(sharp: Image) -> None:
    pristine = FRAME.apply(sharp)
    hidden = pristine.copy()
    cv2.rectangle(hidden, (40, 0), (80, 50), 128, -1)
    assert 0.3 < legibility(hidden, pristine) < 0.85


def test_a_frame_without_severity_is_hardly_damaged() -> None:
    damage = choose_damage(0.0, np.random.default_rng(0))
    assert not damage.covers and damage.defocus < 0.005 and damage.noise < 2 and damage.contrast == 1 and damage.shrink == 1


def test_something_that_passes_hides_another_place_in_each_frame() -> None:
    moving = 0
    for seed in range(60):
        damages = choose_damages(5, 1.0, np.random.default_rng(seed))
        poles = [cover.left for damage in damages for cover in damage.covers if cover.height == 2.0]
        moving += len(poles) == 5 and len(set(poles)) == 5
    assert 5 < moving < 30


def test_a_track_is_made_from_one_real_crop(tracks: TrackRenderer, sharp: Image) -> None:
    grey = cv2.cvtColor(sharp, cv2.COLOR_BGR2GRAY)
    one, again = (tracks.from_crop(grey, "京A12345", np.random.default_rng(4)) for _ in range(2))
    assert _same(one, again) and one.plate == "京A12345" and one.kind == "real"
    assert len({frame.tobytes() for frame in one.frames}) == 5
    mild = tracks.from_crop(grey, "京A12345", np.random.default_rng(4), hardness=0.0)
    assert min(mild.quality) > 0.8 and np.mean(one.quality) < np.mean(mild.quality)
