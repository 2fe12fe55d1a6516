"""Likeness of frames and the confidence of a track's reading: by hand, fitted, carried from training to the reading."""

from __future__ import annotations

import json
from math import log
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the network of tracks needs the extra 'export'")
import torch
from sample_tracks import PLATES, small_bundle, small_network

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.confidence import TrackConfidence, log_odds
from edgelpr.bundle.graph import Graph
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.tracks import TrackRenderer
from edgelpr.errors import BundleError
from edgelpr.models.iq_stan import create_iq_stan
from edgelpr.models.iq_stan_checkpoint import load_iq_stan, save_iq_stan
from edgelpr.models.iq_stan_likeness import likeness
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.tracks.confidence import fit_confidence, fit_curve

FITTED = TrackConfidence(0.5, 1.25, 6.0, 4.0)


def test_likeness_by_hand() -> None:
    # One position, two characters: 0.5/0.5 against 1/0 overlap by the root of a half; 1/0 against 0/1 not at all.
    frames = torch.tensor([[[0.5, 0.5]], [[1.0, 0.0]], [[0.0, 1.0]]])[None]
    found = likeness(frames, torch.ones(1, 3))[0]
    half = 0.5**0.5
    assert found == pytest.approx(torch.tensor([[1, half, half], [half, 1, 1e-3], [half, 1e-3, 1]]), abs=1e-6)
    two = torch.cat([frames, frames.flip(1)], dim=2)  # a second position, the frames in reverse: the geometric mean of both
    assert likeness(two, torch.ones(1, 3))[0, 0, 1] == pytest.approx((half * 1e-3) ** 0.5, rel=1e-4)


def test_absent_frames_are_like_every_other() -> None:
    frames = torch.softmax(torch.randn(2, 5, 4, 11, generator=torch.Generator().manual_seed(0)), dim=3)
    present = torch.tensor([[1.0, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    found = likeness(frames, present)
    assert bool((found[0, 2:] == 1).all()) and bool((found[0, :, 2:] == 1).all()) and found[0, 0, 1] < 1
    assert torch.equal(found, found.transpose(1, 2)) and bool((found[1].diagonal() > 0.9999).all())


@torch.inference_mode()
def test_the_network_compares_its_readings_of_each_frame_alone() -> None:
    network = small_network()
    frames = torch.rand(1, 5, 50, 150, generator=torch.Generator().manual_seed(3))
    output = network(frames, torch.ones(1, 5), compare=True)
    assert network(frames, torch.ones(1, 5)).likeness is None
    # Two equal frames read alike, wherever they stand; the plate of all five does not depend on the comparison.
    twice = frames.clone()
    twice[:, 3] = twice[:, 1]
    assert network(twice, torch.ones(1, 5), compare=True).likeness[0, 1, 3] == pytest.approx(1, abs=1e-4)
    assert torch.equal(output.logits, network(frames, torch.ones(1, 5)).logits)


def test_confidence_by_hand() -> None:
    assert log_odds(0.5) == 0 and log_odds(1) == pytest.approx(log(999999)) == -log_odds(0)
    fitted = TrackConfidence(0.0, 1.0, 0.0, 2.0)
    # Log odds back to the probability, and a half for full likeness.
    assert fitted.of(0.9, 1.0) == pytest.approx(0.45)
    assert fitted.of(0.9, 0.5) == pytest.approx(0.9 * 0.25 / 1.25)
    assert 0 <= FITTED.of(1.0, 0.0) < 1e-20 and 0 < FITTED.of(0.0, 1.0) < 1e-7 and 0.99 < FITTED.of(1.0, 1.0) < 1


@pytest.mark.parametrize("values", [[1.0, 2, 3], [1, 2, 3, "4"], [1, 2, 3, True], {}, [0, -1, 0, 0], [0, 0, 0, float("nan")]])
def test_coefficients_that_make_no_sense_are_refused(values: object) -> None:
    with pytest.raises(BundleError, match=r"here: .*expected"):
        TrackConfidence.from_list(values, "here")


def test_a_curve_is_found_again() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=40_000)
    right = rng.random(40_000) < 1 / (1 + np.exp(-(0.5 + 2 * values)))
    assert fit_curve(values, right) == pytest.approx((0.5, 2.0), abs=0.1)
    assert fit_curve(values, ~right)[1] == 0
    assert fit_curve(values, np.ones(40_000, dtype=bool))[0] > 3  # finite, though nothing contradicts
    # Weights of a tenth move the offset by the logarithm of ten and leave the slope.
    offset, slope = fit_curve(values, right, np.where(right, 1.0, 0.1))
    assert (offset, slope) == pytest.approx((0.5 + log(10), 2.0), abs=0.15)


def test_fitting_is_repeatable() -> None:
    network = small_network()
    renderer = TrackRenderer(Renderer(network.plate_format), Preprocessing(50, 150))
    seen: list[tuple[int, int]] = []
    fitted = fit_confidence(network, renderer, 8, lambda *done: seen.append(done))
    assert fitted == fit_confidence(network, renderer, 8) and seen == [(8, 8)]


def test_it_travels_with_the_weights(tmp_path: Path) -> None:
    usual = create_iq_stan(PLATES)
    for confidence in (None, FITTED):
        usual.confidence = confidence
        save_iq_stan(tmp_path / "usual.safetensors", usual)
        assert load_iq_stan(tmp_path / "usual.safetensors").confidence == confidence


def test_graphs_of_tracks_alone_have_it(tmp_path: Path, tiny_bundle: Bundle) -> None:
    plain = small_bundle(tmp_path).track_graph().to_dict()
    assert plain["confidence"] is None
    described = json.loads(json.dumps(plain | {"confidence": FITTED.to_list()}))
    assert Graph.from_dict(described).confidence == FITTED and Graph.from_dict(described).to_dict() == described
    crops = tiny_bundle.manifest.graphs[0].to_dict()
    assert "confidence" not in crops
    with pytest.raises(BundleError, match="reads crops and has coefficients of a track's confidence"):
        Graph.from_dict(crops | {"confidence": FITTED.to_list()})
