"""The machines that the tests know, by name."""

from __future__ import annotations

from boards.trees import (
    bindings,
    device_tree,
    driver,
    governors,
    gpu_clock,
    memory,
    nvidia,
    packages,
    power_modes,
    release,
    temperatures,
)

_ORIN_CPU = {
    "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd evtstrm aes sha1 sha2 crc32 asimddp\nCPU implementer\t: 0x41\n\n"
}
_ORIN_NANO = nvidia("NVIDIA Jetson Orin Nano Developer Kit", "p3768-0000+p3767-0005", "p3767-0005", "tegra234")
_ORIN_NANO_SUPER = nvidia(
    "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
    "p3768-0000+p3767-0005-super", "p3767-0005", "tegra234",
)  # fmt: skip
_TENSORRT_10 = packages(
    nvidia_l4t_core="36.4.3-20250107174145",
    libnvinfer10="10.3.0.30-1+cuda12.5",
    python3_libnvinfer="10.3.0.30-1+cuda12.5",
    libopencv_python="4.8.0-1-g6371ee1",
)

BOARDS: dict[str, dict[str, str | bytes]] = {
    "orin-nano-6.0": {
        **release(36, "3.0"), **_ORIN_NANO, **_ORIN_CPU, **bindings("3.10"),
        **packages(libnvinfer8="8.6.2.3-1+cuda12.2", python3_libnvinfer="8.6.2.3-1+cuda12.2"),
        **power_modes(None, 0, "15W", "7W"), **gpu_clock("17000000.gpu", 306, 306, 624),
        **governors("schedutil", "schedutil"), **memory(7620, 5100, {"/dev/zram0": 635, "/dev/zram1": 635}),
        **temperatures(cpu_thermal=48.5, gpu_thermal=46.2, tj_thermal=48.6),
    },
    "orin-nano-6.1": {
        **release(36, "4.0"), **_ORIN_NANO, **_ORIN_CPU, **bindings("3.10"), **_TENSORRT_10,
        **power_modes(0, 0, "15W", "7W"), **gpu_clock("17000000.gpu", 624, 624, 624),
        **governors("performance"), **memory(7620, 2100, {"/dev/zram0": 3810}),
    },
    "orin-nano-6.2": {
        **release(36, "4.3"), **_ORIN_NANO_SUPER, **_ORIN_CPU, **bindings("3.10"), **_TENSORRT_10,
        **power_modes(0, 2, "15W", "25W", "MAXN_SUPER", "7W"), **gpu_clock("17000000.gpu", 306, 306, 1020),
        **memory(7620, 3000, {"/dev/zram0": 3810, "/swapfile": 8192}),
    },
    "agx-orin-6.2": {
        **release(36, "4.4"), **_ORIN_CPU, **bindings("3.10"), **_TENSORRT_10,
        **nvidia("NVIDIA Jetson AGX Orin Developer Kit", "p3737-0000+p3701-0005", "p3701-0005", "tegra234"),
        **power_modes(0, 2, "MAXN", "MODE_15W", "MODE_30W", "MODE_50W"), **gpu_clock("17000000.gpu", 1300, 1300, 1300),
        **memory(62840, 57000), **temperatures(cpu_thermal=91.0, gpu_thermal=88.0),
    },
    "orin-nx-5.1.2": {
        **release(35, "4.1", "t186ref"), **_ORIN_CPU, **bindings("3.8"),
        **nvidia("NVIDIA Orin NX Developer Kit", "p3768-0000+p3767-0000", "p3767-0000", "tegra234"),
        **power_modes(3, 3, "MAXN", "10W", "15W", "25W"), **gpu_clock("17000000.ga10b", 306, 306, 918), **memory(15523, 12000),
    },
    "thor-7.0": {
        **release(38, "2.0"), **bindings("3.12"),
        **nvidia("NVIDIA Jetson AGX Thor Developer Kit", "p3971-0089+p3834-0008", "p3834-0008", "tegra264"),
        **packages(libnvinfer10="10.13.3.9-1+cuda13.0", python3_libnvinfer="10.13.3.9-1+cuda13.0"),
        **power_modes(1, 1, "MAXN", "120W", "90W", "70W"), **memory(125771, 118000),
        **gpu_clock("gpu-gpc-0", 315, 315, 1575), **gpu_clock("gpu-nvd-0", 315, 315, 1692),
        **driver("Open Kernel Module for aarch64  580.00  Release Build  (build@host)"),
    },
    "xavier-nx-5.1": {
        **release(35, "2.1", "t186ref"), **bindings("3.8"),
        **nvidia("NVIDIA Jetson Xavier NX Developer Kit", "p3509-0000+p3668-0000", "p3668-0000", "tegra194"),
        **power_modes(3, 3, *(f"MODE_{watts}W_{cores}CORE" for watts, cores in [(15, 2), (15, 4), (15, 6), (10, 2)])),
        **gpu_clock("17000000.gv11b", 114, 114, 1109), **memory(6860, 5000),
    },
    "nano-4.6.1": {
        **release(32, "7.1", "t210ref"), **bindings("3.6"),
        **nvidia("NVIDIA Jetson Nano Developer Kit", "p3449-0000-b00+p3448-0000-b00", "jetson-nano", "tegra210"),
        **power_modes(0, 0, "MAXN", "5W"), **gpu_clock("57000000.gpu", 76, 76, 921), **memory(3956, 2900, {"/dev/zram0": 1978}),
    },
    "unknown-l4t": {**release(47, "1.2"), **nvidia("NVIDIA Jetson of the future", "tegra999")},
    "package-only": {**packages(nvidia_l4t_core="36.4.7-20250918154033"), ".dockerenv": ""},
    "desktop": {
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD Ryzen 9\nflags\t\t: sse2 avx2 avx512bw avx512_vnni\n\n",
        **driver("x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024"),
        "sys/module/nvidia/version": "550.54.15\n", **memory(64000, 48000, {"/dev/nvme0n1p3": 8192}),
    },
    "desktop-without-driver": {
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) Core(TM) i5\nflags\t\t: sse2 avx2\n\n", **memory(16000, 700),
    },
    "raspberry-pi": {
        **device_tree("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b", "brcm,bcm2712"), **memory(8000, 6000),
    },
    "empty": {},
}  # fmt: skip

_GARBAGE = bytes(range(256)) * 3
GARBLED: dict[str, dict[str, str | bytes]] = {
    "garbage": {name: _GARBAGE for tree in BOARDS.values() for name in tree},
    "empty-files": {name: b"" for tree in BOARDS.values() for name in tree},
    "cut-short": {name: content[: len(content) // 2] for name, content in BOARDS["orin-nano-6.2"].items()},
    "huge-numbers": {
        "etc/nv_tegra_release": f"# R{'9' * 5000} (release), REVISION: {'9' * 5000}",
        "proc/meminfo": f"MemTotal: {'9' * 50} kB",
        "proc/swaps": f"Filename\nzram partition {'9' * 50} 0 0",
        "var/lib/nvpmodel/status": f"pmode:{'9' * 5000}",
        "etc/nvpmodel.conf": f"< POWER_MODEL ID={'9' * 5000} NAME=MAXN >\n< POWER_MODEL ID=0 NAME={'9' * 5000}W >\n",
        "sys/class/devfreq/x.gpu/cur_freq": "9" * 5000,
        "sys/class/thermal/thermal_zone0/temp": "-256000",
    },
}
"""Trees that no board has: nothing in them may stop anything."""
