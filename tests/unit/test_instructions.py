"""Instruction sets, from /proc/cpuinfo as Linux prints it (flags that do not matter here left out)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgelpr.runtime.instructions import has_exact_int8, instruction_set, reads_alike

SSE = "fpu vme de pse tsc msr pae mce cx8 apic sse sse2 ht syscall nx lm pni ssse3 cx16 sse4_1 sse4_2 popcnt"
AVX2 = f"{SSE} avx f16c fma bmi1 avx2 bmi2"
AVX512 = f"{AVX2} avx512f avx512dq avx512cd avx512bw avx512vl"
ORIN = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp uscat ilrcpc flagm"

X86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: a processor\nflags\t\t: {}\nbugs\t\t: spectre_v1\n\n"
ARM = "processor\t: 0\nBogoMIPS\t: 62.50\nFeatures\t: {}\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n\n"


@pytest.mark.parametrize(
    ("text", "machine", "expected", "exact"),
    [
        (X86.format(SSE), "x86_64", "x86-64", False),
        (X86.format(AVX2), "x86_64", "x86-64 avx2", False),
        (X86.format(f"{AVX2} avx_vnni"), "x86_64", "x86-64 avx-vnni", True),
        (X86.format(f"{AVX2} avx512f avx512pf avx512er"), "x86_64", "x86-64 avx2", False),
        (X86.format(AVX512), "AMD64", "x86-64 avx512", False),
        (X86.format(f"{AVX512} avx_vnni avx512_vnni"), "x86_64", "x86-64 avx512-vnni", True),
        (X86.format(AVX2) + X86.format(f"{AVX512} avx512_vnni"), "x86_64", "x86-64 avx2", False),
        (ARM.format("fp asimd evtstrm crc32 cpuid"), "aarch64", "arm64", True),
        (ARM.format(ORIN), "aarch64", "arm64 dotprod", True),
        (ARM.format(f"{ORIN} i8mm bf16"), "arm64", "arm64 i8mm", True),
        ("isa\t: rv64imafdc\n", "riscv64", "riscv64", False),
    ],
)
def test_what_linux_describes(tmp_path: Path, text: str, machine: str, expected: str, exact: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(text + text, encoding="utf-8")
    found = instruction_set(cpuinfo, machine)
    assert (found, has_exact_int8(found)) == (expected, exact)


def test_without_a_description_only_the_architecture_is_told(tmp_path: Path) -> None:
    assert instruction_set(tmp_path / "absent", "arm64") == "arm64"
    assert instruction_set(tmp_path / "absent", "x86_64") == "x86-64"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("x86-64 avx2", "x86-64 avx2", True),
        ("x86-64 avx512-vnni", "x86-64 avx-vnni", True),
        ("arm64 i8mm", "arm64", True),
        ("x86-64 avx512-vnni", "x86-64 avx512", False),
        ("x86-64 avx2", "x86-64 avx512", False),
        ("x86-64 avx-vnni", "arm64 i8mm", False),
    ],
)
def test_which_processors_read_alike(one: str, other: str, alike: bool) -> None:
    assert reads_alike(one, other) is alike
    assert reads_alike(other, one) is alike
