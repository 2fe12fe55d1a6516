"""Engines that bring code for the processor are loaded where they were built here, or where the user says so; never else."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError

import cv2
import pytest
from doubles.cuda import FakeCuda
from doubles.surfaces import RTX, TENSORRT
from sample_engines import Bundled, plan_of, store

from edgelpr.cli.main import run
from edgelpr.cuda.probing import Probe
from edgelpr.engines.auditing.auditing import audit_plan
from edgelpr.engines.ensuring import ensure_engine
from edgelpr.engines.loading import least_driver
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.placing import cache_folder, engine_folders
from edgelpr.engines.storing import StoredEngine
from edgelpr.engines.trusting import is_trusted, remember
from edgelpr.errors import DeviceError, EngineError
from edgelpr.runtime.executing.machinery import Machinery
from edgelpr.runtime.recognizer import Recognizer

pytest.importorskip("onnxruntime")

WORDS = r"brings code for the processor, and was not built here .* pass --trust-engines .*Build it again: edgelpr build"


class Board(Bundled):
    """A machine with TensorRT, and a bundle on it."""

    def receive(self) -> StoredEngine:
        """A version-compatible engine of an older TensorRT that came with the bundle."""
        plan = plan_of(self.bundle, "10.2.0", version_compatible=True)
        return store(self.bundle, plan, "10.2.0", options=BuildOptions(version_compatible=True))


@pytest.fixture
def board(bundle, monkeypatch) -> Board:
    return Board(bundle, "10.3.0", monkeypatch)


def test_one_that_came_with_a_bundle_is_refused_before_tensorrt_sees_it(board):
    board.receive()
    with pytest.raises(EngineError, match=WORDS):
        board.open()
    board.assert_untouched()


@pytest.mark.parametrize("backend", ["tensorrt", "auto"])
def test_it_is_loaded_when_the_user_says_so(board, paint, backend):
    board.receive()
    with board.open(backend=backend, trust_engines=True) as recognizer:
        assert recognizer.backend == "tensorrt"
        assert recognizer.read(paint("5")).plate == "5"


def test_auto_passes_it_over_and_says_why(board, paint):
    board.receive()
    with board.open(backend="auto") as recognizer:
        assert recognizer.backend == "onnxruntime"
        assert "brings code for the processor" in recognizer.choice.rejected[0].reason


def test_another_engine_that_fits_is_taken_in_its_place(board, paint):
    store(board.bundle, plan_of(board.bundle, "10.3.0"))
    board.receive()
    with board.open() as recognizer:
        assert recognizer.read(paint("5")).plate == "5"


def test_building_builds_one_in_its_place(board, paint):
    board.receive()
    with board.open(build=True) as recognizer:
        assert recognizer.read(paint("5")).plate == "5"
    assert len(board.module._bench.builds) == 1


def test_one_that_was_built_here_is_known_wherever_it_lies(board, paint, tmp_path):
    options = BuildOptions(version_compatible=True)
    stored = ensure_engine(board.bundle, "fp32", options, machine=board.machinery.machine("tensorrt", 0))
    assert is_trusted(stored.record)
    moved = board.bundle.path.rename(tmp_path / "moved.elpr")
    with Recognizer.open(moved, "tensorrt") as recognizer:
        assert recognizer.read(paint("5")).plate == "5"


def test_a_record_that_hides_the_code_does_not_help(board):
    """Without the record's word TensorRT is not allowed to run it, and refuses the plan."""
    store(board.bundle, plan_of(board.bundle, "10.3.0", version_compatible=True))
    with pytest.raises(EngineError, match="the plan has host code"):
        board.open()


def test_trust_is_by_the_hash_of_the_plan(board):
    trusted = board.receive()
    assert remember(trusted.record) is None
    assert is_trusted(trusted.record)
    plan = plan_of(board.bundle, "10.2.0", version_compatible=True, gpu="another")
    forged = store(board.bundle, plan, "10.2.0", options=BuildOptions(version_compatible=True))
    assert not is_trusted(forged.record)


def test_the_mark_goes_with_the_plan_unless_a_copy_lies_in_the_cache(board):
    first = board.receive()
    assert remember(first.record) is None
    _, cached = engine_folders(board.bundle)
    cached.mkdir(parents=True)
    for path in (first.path, first.path.with_suffix(".json")):
        shutil.copy(path, cached)
    options = BuildOptions(version_compatible=True)
    plan = plan_of(board.bundle, "10.2.0", version_compatible=True, gpu="another")
    second = store(board.bundle, plan, "10.2.0", options=options, built="2025-02-01T00:00:00Z")
    assert not first.path.exists() and is_trusted(first.record)
    assert remember(second.record) is None
    store(board.bundle, first_plan := plan_of(board.bundle, "10.2.0", version_compatible=True), "10.2.0", options=options)
    assert not second.path.exists() and not is_trusted(second.record)
    assert first_plan == first.path.read_bytes() and is_trusted(first.record)


def test_a_cache_that_cannot_be_written_costs_a_note(board, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("EDGELPR_CACHE", str(tmp_path / "file"))
    stored = board.receive()
    assert "with --trust-engines only" in str(remember(stored.record))
    assert not is_trusted(stored.record)


def test_plain_engines_leave_no_trace_in_the_cache(board):
    assert remember(store(board.bundle, plan_of(board.bundle, "10.3.0")).record) is None
    assert not cache_folder().exists()


def test_the_command_line(board, paint, tmp_path, capsys):
    board.receive()
    image = tmp_path / "crop.png"
    image.write_bytes(cv2.imencode(".png", paint("12"))[1].tobytes())
    command = ["read", str(board.bundle.path), str(image), "--backend", "tensorrt"]
    assert run(command) == 1
    assert "--trust-engines" in capsys.readouterr().err
    assert run([*command, "--trust-engines"]) == 0
    assert "12" in capsys.readouterr().out


# CUDA that does not start, and drivers that are too old


@pytest.mark.parametrize("version", [*TENSORRT, RTX])
def test_a_runtime_that_does_not_start_is_said_in_words(bundle, monkeypatch, version):
    board = Board(bundle, version, monkeypatch)
    store(board.bundle, plan_of(board.bundle, version), version)
    board.module._starts = False
    words = rf"{board.module.__name__} {version} cannot start: CUDA initialization failure .*'edgelpr doctor'"
    with pytest.raises(DeviceError, match=words):
        board.open()
    assert board.cuda.closed
    assert board.cuda.leaks() == ()
    with pytest.raises(DeviceError, match=words):
        audit_plan(board.module, b"", b"", "fp32", 1)


def installed(monkeypatch, *names: str) -> None:
    def version(name: str) -> str:
        if name not in names:
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr("edgelpr.engines.loading.version", version)


@pytest.mark.parametrize(
    ("names", "least"),
    [
        (["tensorrt_cu12"], 12000),
        (["tensorrt_cu13", "tensorrt"], 13000),
        (["tensorrt"], None),  # as on JetPack
        (["tensorrt_cu12", "tensorrt_cu13"], None),
        (["tensorrt_rtx_cu13"], None),
    ],
)
def test_the_oldest_driver_that_serves_is_in_the_name_of_the_package(monkeypatch, names, least):
    installed(monkeypatch, *names)
    assert least_driver("tensorrt") == least


def test_a_driver_that_is_too_old_is_refused_before_tensorrt_is_loaded(monkeypatch):
    installed(monkeypatch, "tensorrt_rtx_cu13")
    monkeypatch.setattr("edgelpr.cuda.probing.probe", lambda: Probe("libcuda.so.1", 0, 12080, (FakeCuda().facts,)))
    loaded: list[str] = []
    machinery = Machinery(load_module=loaded.append)
    with pytest.raises(DeviceError, match=r"12\.8.*13\.0|13\.0.*12\.8"):
        machinery.machine("tensorrt-rtx", 0)
    assert loaded == []
    machinery.machine("tensorrt", 0)
    assert loaded == ["tensorrt"]
