"""The comparison of IQ-STAN with fused single frames: its tracks, its readings, its result and the pages made from it."""

from __future__ import annotations

import json
import platform
import re
import runpy
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="comparing networks needs the extra 'export'")
import torch
from sample_tracks import PLATES, noise_frames, small_network

from edgelpr.benchmarks.fusion.bench import Bench
from edgelpr.benchmarks.fusion.charts import write_charts
from edgelpr.benchmarks.fusion.confidence import confidence_of, least_likeness
from edgelpr.benchmarks.fusion.frozen import FrozenTracks, check_unchanged, folder_sha256
from edgelpr.benchmarks.fusion.joining import join_results
from edgelpr.benchmarks.fusion.keeping import Kept
from edgelpr.benchmarks.fusion.measuring import PARTS, Plan, measure
from edgelpr.benchmarks.fusion.mixed_plates import measure_mixed_real
from edgelpr.benchmarks.fusion.mixing import MixedTracks, change_characters
from edgelpr.benchmarks.fusion.networks import Named, check_together, load_named
from edgelpr.benchmarks.fusion.pages import END, filled, read_tracks_result, tables_of, write_into
from edgelpr.benchmarks.fusion.reading import all_frames, best_frames, first_frames, one_frame, read_choices, read_frames
from edgelpr.benchmarks.fusion.real_tracks import RealTracks
from edgelpr.benchmarks.fusion.track_set import TrackSet
from edgelpr.benchmarks.fusion.trained import Trained, trained_of
from edgelpr.benchmarks.machine import describe_machine
from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.tracks import TrackRenderer
from edgelpr.errors import DataError, UsageError
from edgelpr.models.checkpoint import save_checkpoint
from edgelpr.models.hpa import create
from edgelpr.models.iq_stan import create_iq_stan
from edgelpr.models.iq_stan_checkpoint import save_iq_stan
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.real import RealSet

ROOT = Path(__file__).resolve().parents[2]
FRAME, CROP = Preprocessing(50, 150), Preprocessing(50, 160)
PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("weights/**/*.md"), *ROOT.glob("docs/**/*.md"))
    if "<!-- benchmarks/tracks.py " in page.read_text(encoding="utf-8")
]
THREE = "072050e7cb2c8a6d518e0638a3009ee159c99120e9abad062b7c707796cfb9a6"
"""The first three frozen tracks, drawn with the letters in the package."""


@pytest.fixture(scope="module")
def renderer() -> TrackRenderer:
    return TrackRenderer(Renderer(PLATES), FRAME)


@pytest.fixture(scope="module")
def bench() -> Bench:
    torch.manual_seed(0)
    single = create("hpa-nano", PLATES).eval()
    tracks, baseline = small_network(), small_network("none")
    singles = (Named("single", single, "2" * 64, 10),)
    whole, part = Trained(300, {"steps": 300}, "recipe.yaml"), Trained(200, {"steps": 300, "seed": 21})
    ablations = (Named("baseline", baseline, "3" * 64, 90, part),)
    return Bench(Named("tracks", tracks, "1" * 64, 100, whole), singles, ablations)


@pytest.fixture(scope="module")
def result(bench, tmp_path_factory) -> Path:
    """A whole result of a handful of tracks, as the benchmark writes it."""
    plan = Plan(FrozenTracks(4), RealTracks(2), 3, None, None)
    parts = measure(bench, plan, ("rendered", "frames", "mixed"), lambda tracks: None)
    path = tmp_path_factory.mktemp("result") / "tracks.json"
    path.write_text(json.dumps({"benchmark": "tracks", "parts": parts}), encoding="utf-8")
    return path


def frozen(renderer: TrackRenderer, **changes: object) -> TrackSet:
    return replace(FrozenTracks(3), **changes).render_all(renderer, [FRAME, CROP])


def test_the_frozen_tracks_are_the_same_on_every_machine_of_one_kind() -> None:
    pinned = re.search(r"^opencv-python-headless==(\d+\.\d+\.\d+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    alike = platform.machine() == "x86_64" and "avx2" in describe_machine()["instructions"]
    if not alike or pinned is None or pinned[1] != cv2.__version__:
        pytest.skip("another processor or another OpenCV rounds otherwise")
    found = frozen(TrackRenderer(Renderer(load_plate_format("cn")), FRAME))
    assert found.plates == ("晋Z2088警", "粤L79551K", "豫AE34222")
    assert found.sha256 == THREE, "raise GENERATOR_VERSION when tracks change, measure again, and put the new hash here"


def test_a_set_holds_each_networks_own_preprocessing_of_the_captures(renderer) -> None:
    found = frozen(renderer)
    track = FrozenTracks(3).render(renderer, 1)
    assert np.array_equal(found.pictures[FRAME][1], FRAME.batch(track.frames))
    assert np.array_equal(found.pictures[CROP][1], CROP.batch(track.frames))
    assert found.quality[1].tolist() == pytest.approx(track.quality) and found.plates[1] == track.plate
    assert found.independent and found.classes(PLATES).shape == (3, 4)
    about = found.to_dict()
    assert (about["tracks"], about["generator_version"], about["hardness"]) == (3, 1, 0.7) and len(about["sha256"]) == 64
    assert frozen(renderer).sha256 == found.sha256 != frozen(renderer, hardness=0.6).sha256


def test_another_set_than_that_of_the_result_is_refused(renderer) -> None:
    about = frozen(renderer).to_dict()
    check_unchanged(about, dict(about), Path("r.json"))
    with pytest.raises(DataError, match="r.json: the same seed gave other pixels there"):
        check_unchanged(about, about | {"sha256": "0" * 64}, Path("r.json"))
    with pytest.raises(DataError, match="hardness 0.8 there, 0.7 here"):
        check_unchanged(about, about | {"hardness": 0.8, "sha256": "0" * 64}, Path("r.json"))


def test_glyphs_are_known_by_names_and_bytes(tmp_path) -> None:
    (tmp_path / "A.png").write_bytes(b"1")
    before = folder_sha256(tmp_path)
    (tmp_path / "A.png").rename(tmp_path / "B.png")
    assert folder_sha256(tmp_path) != before
    with pytest.raises(DataError, match="absent: cannot be read"):
        folder_sha256(tmp_path / "absent")


def test_choices_are_read_as_the_network_reads_them() -> None:
    network, frames = small_network(), noise_frames(3)
    scores = np.array([[0.1, 0.5, 0.3, 0.5, 0.2]] * 3, dtype=np.float32)
    choices = [all_frames(3), first_frames(3, 2), one_frame(3, 4), best_frames(scores, 3)]
    assert choices[3][0].tolist() == [1, 2, 3, -1, -1] and best_frames(scores, 1)[0].tolist() == [1, -1, -1, -1, -1]
    read, quality = read_choices(network, frames, choices, compare=True)
    for (probabilities, likeness), choice in zip(read, choices):
        present = torch.from_numpy(choice >= 0).float()
        chosen = torch.from_numpy(frames[np.arange(3)[:, None], choice]).float() / 255
        with torch.no_grad():
            expected = network(chosen, present, compare=True)
        assert np.allclose(probabilities, torch.softmax(expected.logits, -1), atol=1e-5)
        assert likeness is not None and np.allclose(likeness, expected.likeness, atol=1e-5)
    with torch.no_grad():
        whole = network(torch.from_numpy(frames).float() / 255, torch.ones(3, 5))
    assert quality is not None and np.allclose(quality, whole.quality, atol=1e-5)
    ((_, uncompared),), unscored = read_choices(small_network("none"), frames, choices[:1])
    assert uncompared is None and unscored is None


def test_single_frames_are_read_as_grey_planes() -> None:
    network = create("hpa-nano", PLATES).eval()
    crops = np.random.default_rng(0).integers(0, 256, (2, 5, 50, 160), dtype=np.uint8)
    found = read_frames(network, crops)
    with torch.no_grad():
        expected = network(torch.from_numpy(crops[1, 3]).float().expand(1, 3, 50, 160) / 255).logits
    assert found.shape == (2, 5, 4, 11) and np.allclose(found[1, 3], torch.softmax(expected[0], -1), atol=1e-5)


def test_real_tracks_of_one_crop_belong_together(renderer) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (30, 90), dtype=np.uint8)
    crops = RealSet(((crop, "1234"), (crop[::-1].copy(), "55")), "set", "test")
    found = RealTracks(draws=3).make(renderer, crops, [FRAME])
    assert found.clusters.tolist() == [0, 0, 0, 1, 1, 1] and found.plates == ("1234",) * 3 + ("55",) * 3
    assert not found.independent and found.to_dict()["crops"] == 2 and found.to_dict()["tracks"] == 6
    frames = found.pictures[FRAME].reshape(30, -1)
    assert len({frame.tobytes() for frame in frames}) == 30


def test_mixed_tracks_take_one_or_two_frames_of_another_plate(renderer) -> None:
    plan = MixedTracks(tracks=4, hardness=0.2)
    own = plan.own(renderer, [FRAME], lambda done, total: None)
    others = plan.others(renderer, [FRAME], True, lambda done, total: None)
    mixed, places = plan.mix(own, others, 2), plan.places(2)
    assert places.sum(1).tolist() == [2] * 4 and plan.places(1).sum(1).tolist() == [1] * 4
    assert mixed.plates == own.plates and len({mixed.sha256, own.sha256, others.sha256, plan.mix(own, others, 1).sha256}) == 4
    for index in np.ndindex(4, 5):
        source = others if places[index] else own
        assert np.array_equal(mixed.pictures[FRAME][index], source.pictures[FRAME][index])
        assert mixed.quality[index] == source.quality[index]
    assert plan.others(renderer, [FRAME], False, lambda done, total: None).sha256 != others.sha256


def test_a_similar_plate_differs_in_one_or_two_characters_but_the_first() -> None:
    cn, counts = load_plate_format("cn"), set()
    for seed in range(20):
        other = change_characters("京A12345", cn, np.random.default_rng(seed))
        different = [a != b for a, b in zip("京A12345", other)]
        assert len(other) == 7 and not different[0] and cn.encode(other)
        counts.add(sum(different))
    assert counts == {1, 2}


def test_what_was_read_is_kept_and_a_damaged_file_is_made_again(tmp_path) -> None:
    kept, made = Kept(tmp_path / "work"), []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"five": np.arange(3, dtype=np.float32)}

    for _ in range(2):
        assert kept.get(("a", "b"), make)["five"].tolist() == [0, 1, 2]
    assert len(made) == 1
    (file,) = (tmp_path / "work").iterdir()
    file.write_bytes(file.read_bytes()[:40])
    assert kept.get(("a", "b"), make)["five"].tolist() == [0, 1, 2] and len(made) == 2
    kept.get(("a", "c"), make)
    assert len(made) == 3 and len(list((tmp_path / "work").iterdir())) == 2


def test_a_whole_result_has_every_reader_and_every_table(result, tmp_path) -> None:
    parts = read_tracks_result(result)["parts"]
    rendered = parts["rendered"]
    assert [single["name"] for single in rendered["singles"]] == ["single", "tracks"]
    assert [len(single["rules"]) for single in rendered["singles"]] == [11, 11]
    costs = {rule["rule"]: rule["multiply_adds"] for rule in rendered["singles"][0]["rules"]}
    assert (costs["first"], costs["mean"], costs["best-by-score"]) == (10, 50, 110)
    assert [row["name"] for row in rendered["ablation"]] == ["baseline"] and rendered["ablation"][0]["quality"] is None
    assert rendered["quality"]["frames"] == 20 and sum(each["plates"] for each in rendered["reliability"]["bins"]) == 4
    assert (
        [point["frames"] for point in parts["frames"]["first"]]
        == [1, 2, 3, 4, 5]
        == [point["frames"] for point in parts["frames"]["best"]]
    )
    assert parts["frames"]["first"][4]["accuracy"] == rendered["network"]["accuracy"]
    assert len(parts["mixed"]["rows"]) == 8 and parts["mixed"]["set"]["glyphs"] == rendered["set"]["glyphs"]
    text = tables_of(read_tracks_result(result))
    assert text.count("\n|---") == 7 and "| branch without attention | | | |" in text and "90.11" in text
    assert rendered["ablation"][0]["trained"] == {
        "steps": 200, "planned": 300, "recipe": None, "config": {"steps": 300, "seed": 21},
    }  # fmt: skip
    assert rendered["network"]["trained"]["recipe"] == "recipe.yaml" and rendered["singles"][0]["trained"] is None
    charts = write_charts(tmp_path / "charts", read_tracks_result(result))
    assert {chart.name for chart in charts} == {"frames.svg", "reliability.svg", "quality.svg"}
    assert all('xmlns="http://www.w3.org/2000/svg"' in chart.read_text(encoding="utf-8") for chart in charts)


def _parts_table(result: Path, whole: dict | None, part: dict | None) -> list[list[str]]:
    """First two cells of each row of the table of parts, with other trainings in the result."""
    found = read_tracks_result(result)
    rendered = found["parts"]["rendered"]
    for row, trained in ((rendered["network"], whole), (rendered["ablation"][0], part)):
        row.pop("trained")
        row |= {} if trained is None else {"trained": trained}
    lines = tables_of(found, ["parts"]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    return [[cell.strip() for cell in line.split("|")[1:3]] for line in lines if "---" not in line]


def test_the_table_of_parts_says_for_how_many_steps_each_network_was_trained(result) -> None:
    whole, part = {"steps": 10800, "planned": 10800}, {"steps": 5000, "planned": 10800}
    rows = _parts_table(result, whole, part)
    assert rows[0][1] == "steps of training"
    assert [cells[1] for cells in rows[1:]] == ["5,000 of 10,800", "", "10,800"]
    assert [cells[1] for cells in _parts_table(result, whole, whole)[1:]] == ["10,800", "", "10,800"]
    brief = {"steps": 5000, "planned": 5000}
    assert [cells[1] for cells in _parts_table(result, whole, brief)[1:]] == ["5,000 of 10,800", "", "10,800"]
    assert [cells[1] for cells in _parts_table(result, None, part)[1:]] == ["5,000 of 10,800", "", ""]
    assert _parts_table(result, None, None)[0][1] == "whole plates, %"  # a result that says nothing of it


def test_how_weights_were_trained_is_read_from_them_or_from_their_card(tmp_path) -> None:
    config = {"steps": 300, "seed": 21}
    notes = {"steps": "200", "config": json.dumps(config)}
    save_iq_stan(tmp_path / "baseline.safetensors", create_iq_stan(PLATES, "none"), notes=notes)
    assert trained_of(tmp_path / "baseline.safetensors") == Trained(200, config)
    network = create("hpa-nano", PLATES)
    save_checkpoint(tmp_path / "single.safetensors", network, notes=notes)
    found = load_named(str(tmp_path / "single.safetensors")).to_dict()
    assert found["trained"] == {"steps": 200, "planned": 300, "recipe": None, "config": config}
    own = tmp_path / "weights" / "own" / "own.safetensors"
    own.parent.mkdir(parents=True)
    save_checkpoint(own, network, notes={"steps": "many", "config": "by hand"})
    assert trained_of(own) is None
    (own.parent / "card.json").write_text(json.dumps({"recipe": "weights/own.yaml"}), encoding="utf-8")
    assert trained_of(own) is None  # outside a clone the recipe is not there
    (tmp_path / "weights" / "own.yaml").write_text("steps: 400\nseed: 3\n", encoding="utf-8")
    assert trained_of(own) == Trained(400, {"steps": 400, "seed": 3}, "weights/own.yaml")
    (own.parent / "card.json").write_text(json.dumps({"recipe": ["weights/own.yaml"] * 2}), encoding="utf-8")
    assert trained_of(own) is None
    torch.save(network.state_dict(), tmp_path / "theirs.pth")
    assert trained_of(tmp_path / "theirs.pth") is None


def test_the_shipped_network_of_tracks_is_known_by_its_recipe() -> None:
    found = trained_of(ROOT / "weights" / "iq-stan-cn" / "iq-stan-cn.safetensors")
    assert found is not None and (found.steps, found.planned, found.recipe) == (10800, 10800, "weights/recipes/iq-stan-cn.yaml")


def test_mixed_real_tracks_leave_out_those_whose_partner_has_the_same_plate(bench, renderer) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (30, 90), dtype=np.uint8)
    crops = RealSet(
        ((crop, "1234"), (crop[::-1].copy(), "1234"), (crop[:, ::-1].copy(), "1234"), (255 - crop, "9")), "s", "test"
    )
    tracks = RealTracks(draws=1).make(renderer, crops, bench.preprocessings)
    rows = measure_mixed_real(bench, tracks)  # partners: 0 and 2 alike, 1 and 3 different
    assert [(row["frames_of_other"], row["tracks"]) for row in rows] == [(1, 2), (2, 2)]


def test_networks_of_different_plates_or_equal_names_are_not_compared(bench) -> None:
    check_together([bench.tracks, *bench.singles])
    other = Named("cn", create("hpa-nano", load_plate_format("cn")), "0" * 64, 1)
    with pytest.raises(UsageError, match="cn spells 'cn' and tracks 'digits'"):
        check_together([bench.tracks, other])
    with pytest.raises(UsageError, match="two networks are called tracks"):
        check_together([bench.tracks, replace(bench.singles[0], name="tracks")])


def test_parts_join_an_earlier_result_of_the_same_weights() -> None:
    machine = {"versions": {"torch": "1"}}
    before = {"network": {"sha256": "a"}, "machine": machine, "measured": {"real": "then"}}
    before |= {"parts": {"real": {"sets": [1]}, "frames": {"set": {"glyphs": "letters"}}, "mixed": {"rows": [2]}}}
    after = {"network": {"sha256": "a"}, "machine": machine, "measured": {"mixed": "now"}}
    after |= {"parts": {"mixed": {"rows": [3], "set": {"glyphs": "letters"}}}}
    joined = join_results(before, after, Path("r.json"))
    assert joined["parts"] == before["parts"] | after["parts"] and joined["measured"] == {"real": "then", "mixed": "now"}
    with pytest.raises(UsageError, match="of other weights"):
        join_results(before, after | {"network": {"sha256": "b"}}, Path("r.json"))
    with pytest.raises(UsageError, match="with other versions"):
        join_results(before, after | {"machine": {"versions": {}}}, Path("r.json"))
    others = {"mixed": {"rows": [3], "set": {"glyphs": "images", "glyphs_sha256": "0"}}}
    with pytest.raises(UsageError, match="r.json: its plates were rendered with other glyphs; name the same --glyphs"):
        join_results(before, after | {"parts": others}, Path("r.json"))


def test_a_page_is_filled_and_then_left_alone(result, tmp_path) -> None:
    page = result.parent / "page.md"
    start = f"<!-- benchmarks/tracks.py {result.name} frames -->\n"
    page.write_text(f"before\n\n{start}old\n{END}\n\nafter\n", encoding="utf-8")
    assert write_into(page) == 1
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n\n{start}| frames |") and text.endswith(f"{END}\n\nafter\n") and "old" not in text
    assert filled(text, page.parent) == text
    for broken, message in (
        (start + "old", "has no end"),
        (start.replace(" frames", "") + END, "is not understood; expected '<!-- benchmarks/tracks.py RESULT TABLE -->'"),
        (start.replace("frames", "fames") + END, "is none of the tables"),
        (start.replace(result.name, "absent.json") + END, "absent.json: cannot be read"),
    ):
        with pytest.raises((DataError, UsageError), match=message):
            filled(broken, page.parent)
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(UsageError, match="has no mark"):
        write_into(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_marked_tables_are_those_of_committed_results(page) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text, page.parent) == text, f"run: python benchmarks/tracks.py --into {page.relative_to(ROOT)}"


def test_the_command_prints_tables_and_explains_mistakes(result, tmp_path) -> None:
    main = runpy.run_path(str(ROOT / "benchmarks" / "tracks.py"))["main"]
    printed = CliRunner().invoke(main, ["--markdown", str(result), "--table", "targets"])
    assert printed.exit_code == 0 and printed.output.startswith("| target | found | met |")
    absent = CliRunner().invoke(main, ["--markdown", str(tmp_path / "absent.json")])
    assert absent.exit_code == 1 and "absent.json: cannot be read" in absent.output
    lone = CliRunner().invoke(main, ["--charts", str(tmp_path)])
    assert lone.exit_code == 2 and "--markdown RESULT" in lone.output
    assert "|".join(PARTS) in CliRunner().invoke(main, ["--help"]).output


def test_the_confidence_is_the_networks_own_once_it_was_fitted() -> None:
    network = small_network()
    probabilities = np.full((2, 4, 11), 0.02, dtype=np.float32)
    probabilities[..., 3] = 0.8
    likeness = np.ones((2, 5, 5), dtype=np.float32)
    likeness[1, 0, 4] = likeness[1, 4, 0] = 0.1
    named = Named("tracks", network, "1" * 64, 100)
    assert least_likeness(likeness).tolist() == pytest.approx([1, 0.1])
    assert confidence_of(named, probabilities, likeness).tolist() == pytest.approx([0.8**4] * 2)
    network.confidence = TrackConfidence(0.5, 1.0, 0.2, 2.0)
    expected = [network.confidence.of(0.8**4, least) for least in (1.0, 0.1)]
    assert confidence_of(named, probabilities, likeness).tolist() == pytest.approx(expected)
    assert named.to_dict()["confidence_coefficients"] == [0.5, 1.0, 0.2, 2.0]
