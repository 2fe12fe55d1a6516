"""The configuration of a build by the TensorRT stand-in: it notes what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ON_DLA = ("Conv", "Relu", "Add", "MaxPool", "ConvTranspose")


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, tuple[tuple[int, ...], ...]] = {}

    def set_shape(self, name: str, smallest: Any, usual: Any, largest: Any) -> None:
        self._shapes[name] = (tuple(smallest), tuple(usual), tuple(largest))


class ITimingCache:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def serialize(self) -> Any:
        return self._module.IHostMemory(self._content)


class IBuilderConfig:
    def __init__(self) -> None:
        self._set = {self._module.BuilderFlag.TF32}
        self._pools: dict[str, int] = {}
        self._previews: dict[str, bool] = {}
        self._profiles: list[Any] = []
        self._capabilities: dict[int, str] = {}
        self._room = 0
        self._level = 3
        self._verbosity = "LAYER_NAMES_ONLY"
        self._hardware = "NONE"
        self._default_device = "GPU"
        self._dla_core = -1
        self._cache: Any = None
        self._progress_monitor: Any = None

    def _names(self) -> set[str]:
        return {flag.name for flag in self._set}

    def set_flag(self, flag: Any) -> None:
        self._set.add(flag)

    def clear_flag(self, flag: Any) -> None:
        self._set.discard(flag)

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        self._pools[pool.name] = size

    def set_preview_feature(self, feature: Any, enable: bool) -> None:
        self._previews[feature.name] = enable

    def add_optimization_profile(self, profile: Any) -> int:
        in_order = all(
            all(low <= middle <= high for low, middle, high in zip(*shapes, strict=True)) for shapes in profile._shapes.values()
        )
        if not in_order or not profile._shapes:
            return -1
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def can_run_on_DLA(self, layer: Any) -> bool:  # noqa: N802
        return self._default_device == "DLA" and layer._node.op_type in ON_DLA

    def create_timing_cache(self, content: bytes) -> Any:
        return self._module.ITimingCache(content)

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        bench = self._module._bench
        own = f"times of {bench.gpu} {self._module.__version__}".encode()
        if cache._content not in (b"", own):
            return False
        self._cache = self._module.ITimingCache(own)
        return True

    def get_timing_cache(self) -> Any:
        return self._cache

    def set_compute_capability(self, capability: Any, index: int) -> bool:
        if index >= self._room:
            return False
        self._capabilities[index] = capability.name
        return True


def _setting(attribute: str, read: Callable[[Any], Any] = lambda value: value) -> property:
    return property(lambda self: getattr(self, attribute), lambda self, value: setattr(self, attribute, read(value)))


IBuilderConfig.progress_monitor = _setting("_progress_monitor")  # type: ignore[attr-defined]
IBuilderConfig.profiling_verbosity = _setting("_verbosity", lambda value: value.name)  # type: ignore[attr-defined]
IBuilderConfig.builder_optimization_level = _setting("_level")  # type: ignore[attr-defined]
IBuilderConfig.hardware_compatibility_level = _setting("_hardware", lambda value: value.name)  # type: ignore[attr-defined]
IBuilderConfig.default_device_type = _setting("_default_device", lambda value: value.name)  # type: ignore[attr-defined]
IBuilderConfig.DLA_core = _setting("_dla_core")  # type: ignore[attr-defined]
IBuilderConfig.num_compute_capabilities = _setting("_room")  # type: ignore[attr-defined]
