"""What happens inside TensorRT's callbacks: its log, its progress, Ctrl-C. None of them may raise there."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import textwrap
import threading

from doubles.building import fake_tensorrt

from edgelpr.engines.interrupting import noting_interrupts
from edgelpr.engines.monitoring import Phases
from edgelpr.engines.speaking import LOGGER, Said, create_log


def test_nested_phases_fill_the_step_of_their_parent():
    seen: list[int] = []
    phases = Phases(lambda done, total: seen.append(done))
    phases.start("all", 2)
    phases.start("part", 4)
    phases.step("part", 1)
    phases.finish("part")
    phases.step("all", 0)
    phases.step("unknown", 3)
    phases.finish("all")
    assert seen == [250, 500, 1000]


def test_ctrl_c_twice_ends_the_process():
    script = """
        import os, signal
        from edgelpr.engines.interrupting import noting_interrupts
        with noting_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            print("noted", flush=True)
            os.kill(os.getpid(), signal.SIGINT)
            print("survived", flush=True)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "noted\n", "")


def test_another_thread_leaves_signals_alone():
    seen: list[bool] = []

    def work() -> None:
        before = signal.getsignal(signal.SIGINT)
        with noting_interrupts():
            seen.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


def test_the_log_of_tensorrt_goes_through_logging(caplog):
    caplog.set_level(logging.DEBUG, logger="edgelpr.tensorrt")
    module, said = fake_tensorrt("10.3.0"), Said()
    log = create_log(module, said)
    for severity in module.ILogger.Severity.__members__.values():
        log.log(severity, f"a message: {severity.name} 100%")
    assert [record.levelname for record in caplog.records] == ["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"]
    assert caplog.records[0].getMessage() == "a message: INTERNAL_ERROR 100%"
    assert said.errors == ["a message: INTERNAL_ERROR 100%", "a message: ERROR 100%"]
    assert said.warnings == ["a message: WARNING 100%"]


def test_the_log_never_raises():
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise KeyboardInterrupt

    handler = Broken()
    LOGGER.addHandler(handler)
    try:
        module = fake_tensorrt("10.3.0")
        create_log(module, Said()).log(module.ILogger.Severity.ERROR, "a message")
        create_log(module, Said()).log(None, "a message")
    finally:
        LOGGER.removeHandler(handler)


def test_that_no_gpu_is_there_is_no_reason():
    said = Said()
    said.note("ERROR", "node: wrong type\n[catchCudaError::250] Error Code 1: Cuda Runtime (cudaError 35: too old)")
    assert said.reason == "node: wrong type"
    assert Said().reason == "it gave no reason"


def test_all_of_a_log_is_kept_only_where_it_is_wanted():
    module = fake_tensorrt("10.3.0")
    kept, passing = Said(keep=True), Said()
    for said in (kept, passing):
        create_log(module, said).log(module.ILogger.Severity.VERBOSE, "a detail")
    assert (kept.messages, passing.messages) == (["a detail"], [])
