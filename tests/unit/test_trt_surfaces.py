"""Every attribute of TensorRT and every function of CUDA that our code touches exists where the code says that it runs."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from doubles.building import fake_tensorrt
from doubles.surfaces import RTX, VERSIONS, load_surface
from trt_conformance import SOURCE, misspellings, mistakes_in

HEAD = "from typing import Any\n"
SCANNED = sorted(
    path
    for folder in ("engines", "runtime/executing", "runtime/backends/tensorrt", "runtime/backends/tensorrt_rtx")
    for path in (SOURCE / folder).rglob("*.py")
)


def claimed_by(path: Path) -> tuple[str, ...]:
    """Versions that a file is for."""
    return (RTX,) if "tensorrt_rtx" in path.parts else VERSIONS


@pytest.mark.parametrize("path", SCANNED, ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_the_code_touches_exists_in_every_version(path):
    source, where = path.read_text(encoding="utf-8"), str(path.relative_to(SOURCE))
    assert [mistake for version in claimed_by(path) for mistake in mistakes_in(source, version, where)] == []


@pytest.mark.parametrize("path", SCANNED, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_attribute_of_tensorrt_escapes_the_check(path):
    source = path.read_text(encoding="utf-8")
    changed = dict(misspellings(source))
    assert [name for name, wrong in changed.items() if not any(mistakes_in(wrong, version) for version in VERSIONS)] == []


def test_the_files_that_touch_tensorrt_are_looked_at():
    names = {str(path.relative_to(SOURCE)) for path in SCANNED}
    assert {"engines/building.py", "engines/configuring.py", "engines/speaking.py"} <= names
    others = [path for path in SOURCE.rglob("*.py") if path not in SCANNED]
    assert [str(path) for path in others if "import tensorrt" in path.read_text(encoding="utf-8")] == []


def found(source: str, *versions: str) -> str:
    text = HEAD + textwrap.dedent(source)
    return "\n".join(mistake for version in versions or VERSIONS for mistake in mistakes_in(text, version))


PLANTED = {
    "a misspelt method": ("def f(builder: Any): builder.create_netwrok(0)", "Builder has no 'create_netwrok'", 5),
    "a method of another class": ("def f(network: Any): network.set_flag(1)", "INetworkDefinition has no 'set_flag'", 5),
    "another name": ("def f(module: Any):\n  b = module.Builder(0)\n  b.max_batch_size", "no 'max_batch_size'", 4),
    "another name again": ("def f(builder: Any):\n  c = b = builder\n  c.build_engine(1)", "no 'build_engine'", 4),
    "in a chain": ("def f(builder: Any): builder.create_network(0).add_pooling()", "no 'add_pooling'", 4),
    "only since 10": ("def f(config: Any): config.progress_monitor = 1", "8.6.1: IBuilderConfig has no 'progress_monitor'", 1),
    "only before 11": ("def f(module: Any): return module.BuilderFlag.FP16", "enum BuilderFlag has no 'FP16'", 2),
    "only in RTX": ("def f(module: Any): return module.ComputeCapability.SM86", "has no 'ComputeCapability'", 4),
    "of the module": ("def f(module: Any): module.Bilder()", "the module has no 'Bilder'", 5),
    "a base class": ("def f(module: Any):\n  class A(module.IProgressMonitor): pass", "no 'IProgressMonitor'", 1),
    "an attribute of our own": ("class A:\n  def __init__(self, engine: Any):\n    self._e = engine\n  def f(self): "
                                "self._e.num_bindings", "ICudaEngine has no 'num_bindings'", 4),
    "of nothing known": ("def f(thing: Any): thing.execute_async_v3(0)", "of which nothing is known", 5),
    "asked for something else": ("def f(config: Any):\n  if hasattr(config, 'flags'): config.progress_monitor = 1", "8.6.1", 1),
    "asked the wrong way": ("def f(config: Any):\n  if not hasattr(config, 'progress_monitor'): config.progress_monitor = 1",
                            "8.6.1", 1),
    "asked too late": ("def f(config: Any):\n  config.progress_monitor = 1\n  if hasattr(config, 'progress_monitor'): return",
                       "8.6.1", 1),
    "asked with a misspelling": ("def f(config: Any):\n  if hasattr(config, 'progres_monitor'): pass", "no version has", 5),
    "in a comprehension": ("def f(network: Any): return [network.get_layer(i).precison for i in range(3)]", "'precison'", 5),
    "in a lambda": ("g = lambda engine: engine.num_bindings", "of which nothing is known", 5),
    "in the other branch": ("def f(engine: Any):\n  new = getattr(engine, 'device_memory_size_v2', None)\n"
                            "  return engine.device_memory_size if new is not None else new", "no 'device_memory_size'", 2),
}  # fmt: skip


@pytest.mark.parametrize(("source", "message", "versions"), PLANTED.values(), ids=PLANTED)
def test_a_planted_mistake_is_found(source, message, versions):
    mistakes = found(source)
    assert message in mistakes
    assert len(mistakes.splitlines()) == versions


@pytest.mark.parametrize(
    "source",
    [
        "if hasattr(config, 'progress_monitor'): config.progress_monitor = 1",
        "if hasattr(config, 'progress_monitor') and len('a'): config.progress_monitor = 1",
        "return hasattr(config, 'progress_monitor') and config.progress_monitor",
        "if not hasattr(config, 'progress_monitor'):\n    return\n  config.progress_monitor = 1",
        "new = getattr(engine, 'device_memory_size_v2', None)\n  return engine.device_memory_size if new is None else new",
        "flags = getattr(module, 'ComputeCapability', None)\n  return None if flags is None else flags.SM86",
        "if not has_monitor(module):\n    return\n  class A(module.IProgressMonitor): pass",
        "if backend == 'tensorrt-rtx':\n    return module.ComputeCapability.SM86",
        "return [config.can_run_on_DLA(layer) for layer in []], module.ILogger.Severity.ERROR.name",
    ],
)
def test_what_asks_first_is_accepted(source):
    assert found(f"def f(module: Any, config: Any, engine: Any, backend: str):\n  {source}") == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_a_double_has_what_the_real_one_has_and_no_more(version):
    module = fake_tensorrt(version)
    surface = load_surface(version)
    assert module.__version__ == surface.version == version
    assert hasattr(module, "IProgressMonitor") is (version != "8.6.1")
    assert hasattr(module.BuilderFlag, "FP16") is (version not in ("11.4.0.106", RTX))
    config = module.IBuilderConfig()
    assert hasattr(config, "set_compute_capability") is (version == RTX)
    with pytest.raises(AttributeError, match=rf"IBuilderConfig of {surface.package} {version} has no 'workspace'"):
        config.workspace = 1


def test_the_doubles_of_tensorrt_rtx_match_the_installed_package():
    real = pytest.importorskip("tensorrt_rtx")
    if real.__version__ != RTX:
        pytest.skip(f"TensorRT-RTX {real.__version__} is installed, the surface is that of {RTX}")
    surface = load_surface(RTX)
    assert {name for name, members in surface.classes.items() if not members <= set(dir(getattr(real, name)))} == set()


def test_functions_of_cuda_exist_in_the_installed_package():
    driver = pytest.importorskip("cuda.bindings.driver")
    used = names_of_driver((SOURCE / "cuda" / "cuda_bindings.py").read_text(encoding="utf-8"))
    assert [name for name in sorted(used) if not resolves(driver, name)] == []
    assert {"cuStreamCreate", "cuGraphLaunch", "CUstream_flags.CU_STREAM_NON_BLOCKING.value"} <= used


def names_of_driver(source: str) -> set[str]:
    """What is taken of ``driver``, dots included; names in CUDA's manner of anything else as they stand, so that they fail."""
    attributes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    texts = [ast.unparse(node) for node in attributes]
    taken = {match.group(1) for text in texts if (match := re.fullmatch(r"(?:self\._)?driver\.([\w.]+)", text))}
    known = {part for name in taken for part in name.split(".")}
    return taken | {node.attr for node in attributes if re.match(r"cu[A-Z]|CU", node.attr) and node.attr not in known}


def resolves(module: ModuleType, dotted: str) -> bool:
    found: object = module
    for part in dotted.split("."):
        found = getattr(found, part, None)
    return found is not None


def test_a_planted_call_of_cuda_is_found():
    driver = pytest.importorskip("cuda.bindings.driver")
    used = names_of_driver("driver.cuStreamCreat(0); self._driver.CUresult.CUDA_SUCCES; other.cuInits(); driver.cuInit(0)")
    wrong = [name for name in sorted(used) if not resolves(driver, name)]
    assert wrong == ["CUresult.CUDA_SUCCES", "cuInits", "cuStreamCreat"]
