"""Reading tracks: which frames are kept, what is accepted, and what bad input does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from sample_tracks import PLATES, noise_frames, small_bundle, small_network

from edgelpr import PlateTrack, TrackReading, TrackRecognizer
from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import BackendError, BundleError, ImageError, UsageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.tracks import maps
from edgelpr.runtime.tracks.track import TrackKind

FRAMES = noise_frames(3)


class BrightnessNetwork:
    """A network that finds bright frames good, reads the number of frames as a digit, and counts what it is asked."""

    def __init__(self, gives_quality: bool = True) -> None:
        self.gives_quality = gives_quality
        self.rows: list[int] = []
        self.broken = False

    def run(self, frames: np.ndarray, present: np.ndarray) -> RawOutput:
        self.rows.append(len(frames))
        classes = np.full((len(frames), 4), 10, np.int32)
        classes[:, 0] = present.sum(1)
        quality = frames.mean((2, 3), dtype=np.float32) / 255 * present
        if self.broken:
            quality[0, 0] = np.nan
        return RawOutput(classes, np.full(classes.shape, 0.5, np.float32), quality=quality if self.gives_quality else None)


def brightness_track(network: BrightnessNetwork) -> PlateTrack:
    return PlateTrack(network, TrackKind(PLATES, Preprocessing(50, 150), 5, network.gives_quality))  # type: ignore[arg-type]


def grey(level: int) -> np.ndarray:
    return np.full((20, 60), level, np.uint8)


def kept(track: PlateTrack) -> list[int]:
    """Brightness of the frames that a reading is made from."""
    return [round(255 * quality) for _, quality in track.reading().frames]


@pytest.fixture(scope="module")
def tracks(tmp_path_factory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("tracks"))


@pytest.fixture(scope="module")
def recognizer(tracks):
    with TrackRecognizer.open(tracks, threads=1) as opened:
        yield opened


@pytest.mark.parametrize("levels", [[7], [9, 1], [5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6], list(range(40, 5, -1)), [*range(90), 3]])
def test_the_best_five_are_kept_in_the_order_of_time(levels):
    track = brightness_track(BrightnessNetwork())
    for level in levels:
        track.add(grey(level))
    best = set(sorted(levels)[-5:])
    assert kept(track) == [level for level in levels if level in best]
    assert len(track) == len(levels)
    assert track.reading().plate == str(min(5, len(levels)))


def test_every_prefix_of_a_track_keeps_its_best_five():
    levels = np.random.default_rng(3).permutation(40)
    track = brightness_track(BrightnessNetwork())
    for count, level in enumerate(levels, 1):
        track.add(grey(int(level)))
        best = set(sorted(levels[:count])[-5:])
        assert kept(track) == [int(level) for level in levels[:count] if level in best]


def test_of_equal_frames_the_earlier_stay():
    track = brightness_track(BrightnessNetwork())
    for number in range(12):
        track.add(grey(50), str(number))
    assert [name for name, _ in track.reading().frames] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("count", "rows"), [(1, [1]), (5, [1]), (6, [2, 1]), (10, [2, 1]), (12, [2, 1, 1]), (30, [2, 1, 1, 1, 1, 1])]
)
def test_newcomers_are_scored_five_at_a_time(count, rows):
    network = BrightnessNetwork()
    track = brightness_track(network)
    for level in range(count):
        track.add(grey(level))
    for _ in range(3):  # asking again costs nothing
        track.reading()
    assert network.rows == rows


def test_a_network_without_scores_reads_the_newest():
    network = BrightnessNetwork(gives_quality=False)
    track = brightness_track(network)
    for level in range(9, 1, -1):
        track.add(grey(level), str(level))
    assert track.reading().frames == tuple((str(level), None) for level in range(6, 1, -1))
    assert network.rows == [1]


def test_a_quality_that_is_no_number_is_refused():
    network = BrightnessNetwork()
    network.broken = True
    track = brightness_track(network)
    track.add(grey(1))
    with pytest.raises(BackendError, match="a quality that is no number"):
        track.reading()


def test_a_likeness_that_is_no_number_is_refused():
    class Contradicting(BrightnessNetwork):
        def run(self, frames: np.ndarray, present: np.ndarray) -> RawOutput:
            return super().run(frames, present)._replace(likeness=np.full((len(frames), 5, 5), np.nan, np.float32))

    track = brightness_track(Contradicting())
    track.add(grey(1))
    with pytest.raises(BackendError, match="a likeness that is no number"):
        track.reading()


def test_a_track_is_as_it_was_where_scoring_fails():
    network = BrightnessNetwork()
    track = brightness_track(network)
    for level in range(9):
        track.add(grey(level))
    network.broken = True
    for _ in range(3):
        with pytest.raises(BackendError, match="a quality that is no number"):
            track.add(grey(9))
    assert len(track) == 9
    network.broken = False
    track.add(grey(10))
    assert max(network.rows) == 2 and kept(track) == [5, 6, 7, 8, 10]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_reading_is_what_the_network_says(recognizer, count):
    torch = pytest.importorskip("torch", reason="the network of tracks needs the extra 'export'")
    frames = torch.from_numpy(FRAMES[:1]) / 255
    present = (torch.arange(5) < count).float()[None]
    with torch.no_grad():
        wanted = small_network()(frames, present)
    reading = recognizer.read(list(FRAMES[0, :count]))
    best = torch.softmax(wanted.logits[0], -1).max(-1)
    assert isinstance(reading, TrackReading)
    assert reading.plate == PLATES.decode(best.indices.tolist())
    assert reading.confidence == pytest.approx(best.values.prod().item(), abs=1e-5)
    assert [name for name, _ in reading.frames] == [f"frame {number}" for number in range(1, count + 1)]
    assert [quality for _, quality in reading.frames] == pytest.approx(wanted.quality[0, :count].tolist(), abs=1e-5)
    assert "".join(character.text for character in reading.characters) == reading.plate
    assert all(character.box is None for character in reading.characters) and reading.seconds > 0


def test_a_frame_has_the_same_quality_whatever_is_beside_it(recognizer):
    alone = [recognizer.read([frame]).frames[0].quality for frame in FRAMES[1]]
    together = [quality for _, quality in recognizer.read(list(FRAMES[1])).frames]
    assert together == pytest.approx(alone, abs=1e-6) and max(alone) - min(alone) > 0.001


def test_sizes_and_colours_may_be_mixed(recognizer):
    pictures = [cv2.resize(frame, (60 + 40 * number, 30 + 9 * number)) for number, frame in enumerate(FRAMES[0])]
    mixed = [cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if number % 2 else frame for number, frame in enumerate(pictures)]
    one, other = recognizer.read(pictures), recognizer.read(mixed)
    assert (one.plate, one.confidence, one.frames) == (other.plate, other.confidence, other.frames)
    assert len(one.frames) == 5


@pytest.mark.parametrize(
    "frames",
    [
        [*FRAMES[0, :4], np.zeros((50, 150), np.uint8)],
        [FRAMES[0, 2]] * 5,
        [np.zeros((50, 150), np.uint8)] * 5,
        [np.full((8192, 8), 255, np.uint8)],
    ],
    ids=["one black", "five times the same", "all black", "a white line"],
)
def test_poor_frames_are_read_like_any_other(recognizer, frames):
    reading = recognizer.read(frames)
    assert 0 <= reading.confidence <= 1 and len(reading.frames) == len(frames)
    assert all(0 <= quality <= 1 for _, quality in reading.frames)


def test_a_black_frame_is_no_absent_frame(recognizer):
    black = recognizer.read([*FRAMES[0, :4], np.zeros((50, 150), np.uint8)])
    assert black.confidence != recognizer.read(list(FRAMES[0, :4])).confidence


def test_no_frames_and_a_single_crop_are_wrong_usage(recognizer):
    with pytest.raises(UsageError, match="the track has no frame; add one to five frames"):
        recognizer.read([])
    with pytest.raises(UsageError, match="has no frame"):
        recognizer.track().maps()
    for single in (FRAMES[0, 0], "crop.png", Path("crop.png")):
        with pytest.raises(UsageError, match="as a list, even of one; found a single crop"):
            recognizer.read(single)


def test_a_frame_that_cannot_be_used_leaves_the_track_as_it_was(recognizer, tmp_path):
    track = recognizer.track()
    for frame in FRAMES[0, :2]:
        track.add(frame)
    before = track.reading()
    (tmp_path / "broken.png").write_bytes(b"broken")
    for bad, words in (
        (tmp_path / "broken.png", r"broken\.png: not an image"),
        (tmp_path / "absent.png", "No such file"),
        (FRAMES[0, 0].astype(float), "frame 3: expected uint8"),
        (np.zeros((2, 2), np.uint8), "frame 3: 2x2 pixels is too small"),
        (None, "frame 3: expected a numpy array"),
    ):
        with pytest.raises(ImageError, match=words):
            track.add(bad)
    assert track.reading() is before and len(track) == 2


def test_a_camera_may_reuse_its_buffer(recognizer):
    buffer = FRAMES[0, 0].copy()
    track = recognizer.track()
    track.add(buffer, "kept")
    buffer[:] = 0
    assert track.reading().confidence == recognizer.read([FRAMES[0, 0]]).confidence
    assert track.reading().frames[0].name == "kept"


def test_maps_are_of_the_frames_that_were_read(recognizer):
    track = recognizer.track()
    for frame in FRAMES[0, :3]:
        track.add(frame)
    found, reading = track.maps(), track.reading()
    assert found is not None and found.temporal is not None
    assert found.temporal.shape == (3, 7, 42) and found.attention.shape == (len(reading.plate), 3, 42)
    assert np.allclose(found.attention.sum((1, 2)), 1, atol=1e-5)
    assert all(np.array_equal(seen, frame) for seen, frame in zip(found.frames, FRAMES[0]))


def test_a_bundle_without_attention_has_no_maps(tmp_path):
    with TrackRecognizer.open(small_bundle(tmp_path, maps=False), threads=1) as recognizer:
        track = recognizer.track()
        track.add(FRAMES[0, 0])
        assert track.maps() is None and track.reading().frames[0].quality is not None


def test_the_geometry_is_the_networks():
    pytest.importorskip("torch", reason="the network of tracks needs the extra 'export'")
    from edgelpr.models import iq_stan_features

    assert (iq_stan_features.FRAME_WIDTH, iq_stan_features.FRAME_HEIGHT) == maps.FRAME
    assert maps.REDUNDANCY == iq_stan_features.REDUNDANCY
    assert maps.COLUMN * iq_stan_features.COLUMNS == iq_stan_features.FRAME_WIDTH + 2 * maps.REDUNDANCY
    assert 0 <= maps.ROW * iq_stan_features.ROWS - iq_stan_features.FRAME_HEIGHT < maps.ROW


def test_a_map_lies_over_the_place_that_it_is_of():
    features = np.zeros((1, 42), np.float32)
    features[0, 10] = 1  # pixels 40 to 44 of 168, so 31 to 35 of the frame
    spread = maps.over_frame(features, 300, 100)
    assert spread.shape == (100, 300) and abs(int(spread[50].argmax()) - 66) <= 2


def test_backends_and_bundles_are_checked(tracks, tmp_path):
    with pytest.raises(UsageError, match="backend 'tensorflow' is unknown"):
        TrackRecognizer.open(tracks, "tensorflow")
    with pytest.raises(UsageError, match="threads is 0"):
        TrackRecognizer.open(tracks, threads=0)
    with pytest.raises(BundleError, match="no such bundle"):
        TrackRecognizer.open(tmp_path / "absent.elpr")


def test_a_closed_recogniser_says_so(tracks):
    with TrackRecognizer.open(tracks, threads=1) as opened:
        track = opened.track()
        track.add(FRAMES[0, 0])
    with pytest.raises(BackendError, match="was closed; open the bundle again"):
        track.reading()


def test_several_threads_read_at_once(recognizer):
    wanted = [recognizer.read(list(frames)).confidence for frames in FRAMES]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: recognizer.read(list(FRAMES[number % 3])).confidence, range(24)))
    assert found == [wanted[number % 3] for number in range(24)]
