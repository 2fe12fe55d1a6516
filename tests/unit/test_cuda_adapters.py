"""What the adapters say when the driver refuses, how one is chosen, and that the real package has what is called."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest
from doubles.cuda import FakeCuda
from doubles.cuda_driver import CUresult, FakeDriver
from doubles.driver_library import FakeLibrary
from doubles.pycuda_stub import FakePyCuda

from edgelpr.cuda import cuda_bindings, opening, probing
from edgelpr.cuda.cuda_bindings import CudaBindingsDevice
from edgelpr.cuda.failures import MEANINGS
from edgelpr.cuda.opening import open_device
from edgelpr.cuda.pycuda import PyCudaDevice
from edgelpr.errors import BackendError, DeviceError, MissingDependencyError


@pytest.fixture
def driver():
    return FakeDriver(FakeCuda(1 << 20))


@pytest.fixture
def device(driver):
    return CudaBindingsDevice(driver, driver.fake.facts)


@pytest.fixture
def packages(monkeypatch):
    """Puts modules in the place of what is installed, beside a driver that answers."""

    def put(**modules):
        names = {"cuda_bindings": "cuda.bindings.driver", "pycuda": "pycuda.driver"}
        monkeypatch.setattr(opening, "_is_installed", lambda name: name in [names[each] for each in modules])
        for each, module in modules.items():
            monkeypatch.setitem(sys.modules, names[each].rpartition(".")[0], ModuleType("around"))
            monkeypatch.setitem(sys.modules, names[each], module)

    library = FakeLibrary([("one", (8, 7), 1 << 20, True, 8), ("two", (8, 9), 1 << 20, False, 46)])
    monkeypatch.setattr(probing, "load_driver", lambda: library)
    monkeypatch.setattr(probing, "_answered", [])
    return put


# Refusals


def test_a_refusal_has_its_name_meaning_and_remedy(driver, device):
    driver.answers["cuStreamSynchronize"] = CUresult.CUDA_ERROR_LAUNCH_FAILED
    with pytest.raises(DeviceError, match=r"work on the GPU failed \(CUDA_ERROR_LAUNCH_FAILED, CUDA error 719\); .*again"):
        device.synchronise(device.create_stream())


def test_a_code_without_a_remedy_of_ours_is_said_in_the_drivers_words(driver, device):
    driver.answers["cuMemGetInfo"] = CUresult.CUDA_ERROR_TIMEOUT
    with pytest.raises(DeviceError, match=r"cuda error timeout \(CUDA_ERROR_TIMEOUT, CUDA error 909\)"):
        device.memory()


def test_a_code_newer_than_the_package_is_not_a_traceback(driver, device):
    def refuse():
        raise ValueError("4711 is not a valid CUresult")

    driver.cuMemGetInfo = refuse
    with pytest.raises(DeviceError, match="code that cuda-bindings does not know .4711"):
        device.memory()


def test_mapped_memory_without_an_address_is_given_back(driver, device):
    driver.answers["cuMemHostGetDevicePointer"] = CUresult.CUDA_ERROR_UNKNOWN
    with pytest.raises(DeviceError):
        device.allocate_pinned(10, mapped=True)
    assert not driver.fake.leaks()


def test_a_capture_that_cannot_be_made_executable_leaves_no_graph(driver, device):
    stream = device.create_stream()
    device.begin_capture(stream)
    driver.answers["cuGraphInstantiate"] = CUresult.CUDA_ERROR_OUT_OF_MEMORY
    with pytest.raises(DeviceError, match="out of device memory"):
        device.end_capture(stream)
    assert driver.open_graphs() == 0


def test_bindings_newer_than_the_driver_name_those_that_fit(driver, device):
    def absent():
        raise RuntimeError('Function "cuMemGetInfo" not found')

    driver.cuMemGetInfo = absent
    with pytest.raises(DeviceError, match=r"CUDA 12\.6 .*pip install 'cuda-bindings<13'"):
        device.memory()


def test_closing_leaves_another_context_current(driver, device):
    other = FakeCuda()
    device.close()
    assert driver.fake.closed and other.is_current


def test_a_second_handle_of_a_gpu_outlives_the_first(driver, device):
    second = CudaBindingsDevice(driver, driver.fake.facts)
    device.close()
    second.destroy_stream(second.create_stream())
    second.close()
    assert driver.fake.closed and not driver.fake.is_current


def test_a_second_handle_by_pycuda_outlives_the_first():
    fake = FakeCuda(1 << 20)
    module = FakePyCuda(fake)
    first, second = (PyCudaDevice(module, module.library, fake.facts) for _ in range(2))
    first.close()
    assert module.contexts.current() is not None
    second.destroy_stream(second.create_stream())
    second.close()
    assert fake.closed and module.contexts.current() is None


def test_pycuda_says_what_pycuda_said():
    fake = FakeCuda(1 << 20)
    module = FakePyCuda(fake)
    device = PyCudaDevice(module, module.library, fake.facts)
    fake.fail_in(1)
    with pytest.raises(DeviceError, match="create_stream failed .by pycuda"):
        device.create_stream()
    with pytest.raises(DeviceError, match="not in page-locked memory"):
        device.copy_in(device.allocate(10), 12345, 10, device.create_stream())
    with pytest.raises(DeviceError, match="is no stream"):
        device.synchronise(99)


# Opening


def test_cuda_bindings_come_first(packages, driver):
    packages(cuda_bindings=driver, pycuda=ModuleType("pycuda.driver"))
    device = open_device(1)
    assert (device.bindings, device.facts.name) == ("cuda-bindings", "two")


def test_pycuda_is_taken_when_it_is_all_there_is_or_asked_for(packages, driver, monkeypatch):
    fake = FakeCuda(1 << 20)
    module = FakePyCuda(fake)
    monkeypatch.setattr(opening, "load_driver", lambda: module.library)
    packages(pycuda=module)
    open_device().close()
    packages(pycuda=FakePyCuda(FakeCuda(1 << 20)), cuda_bindings=driver)
    assert open_device(bindings="pycuda").bindings == "pycuda"


@pytest.mark.parametrize("index", [-1, 2])
def test_a_number_without_a_gpu_lists_those_there_are(packages, driver, index):
    packages(cuda_bindings=driver)
    with pytest.raises(DeviceError, match=rf"no GPU number {index}; the driver shows 0 \(one\), 1 \(two\)"):
        open_device(index)


def test_no_package_names_the_one_to_install(packages, monkeypatch):
    packages()
    with pytest.raises(MissingDependencyError, match="pip install cuda-bindings"):
        open_device()
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(MissingDependencyError, match="pip install pycuda"):
        open_device(bindings="pycuda")


def test_a_package_that_is_broken_is_not_called_absent(packages, monkeypatch):
    packages(pycuda=None)
    with pytest.raises(BackendError, match="pycuda is installed but cannot be imported"):
        open_device(bindings="pycuda")


def test_without_a_driver_no_package_is_touched(packages, monkeypatch):
    packages(cuda_bindings=None)
    monkeypatch.setattr(probing, "load_driver", lambda: FakeLibrary(answers={"cuInit": 100}))
    with pytest.raises(DeviceError, match="no GPU that can run CUDA"):
        open_device()


# The real package


def calls_of_the_driver():
    """(name, number of arguments) of each function of the driver that the adapter calls through its helpers."""
    tree = ast.parse(Path(cuda_bindings.__file__).read_text(encoding="utf-8"))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for place, argument in enumerate(call.args):
            if isinstance(argument, ast.Attribute) and argument.attr.startswith("cu"):
                yield argument.attr, len(call.args) - place - 1


def constants_of_the_driver():
    """Dotted names of what else of the driver the adapter touches."""
    source = Path(cuda_bindings.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source)
    names = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {name.removeprefix("self._driver.") for name in names if name.startswith("self._driver.")}


@pytest.mark.parametrize("module", ["real", "stand-in"])
def test_every_call_fits_the_functions_it_calls(module, driver):
    found = pytest.importorskip("cuda.bindings.driver") if module == "real" else driver
    calls = list(calls_of_the_driver())
    assert len(calls) > 25
    for name, count in calls:
        assert len(inspect.signature(getattr(found, name)).parameters) == count, name


def test_every_constant_exists_with_the_value_of_the_stand_in(driver):
    real = pytest.importorskip("cuda.bindings.driver")
    for name in constants_of_the_driver():
        found, expected = real, driver
        for part in name.split("."):
            found, expected = getattr(found, part), getattr(expected, part)
        if not callable(expected):
            assert found == expected, name


def test_the_codes_are_those_of_the_real_package():
    real = pytest.importorskip("cuda.bindings.driver")
    codes = {item.value: item.name for item in real.CUresult}
    different = {code: name for code, (name, _, _) in MEANINGS.items() if codes.get(code, name) != name}
    assert not different
    assert {item.name: item.value for item in CUresult}.items() <= {name: code for code, name in codes.items()}.items()
