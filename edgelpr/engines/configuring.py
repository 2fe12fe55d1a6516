"""A builder's configuration from our options."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from edgelpr.engines.dla import use_dla
from edgelpr.engines.features import compatibility_level, compute_capability, has_precision_flags
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.request import BuildRequest, Surroundings
from edgelpr.engines.workspace import size_in_words, workspace_for
from edgelpr.errors import BuildError
from edgelpr.types import Precision


def configure(
    module: ModuleType,
    builder: Any,
    network: Any,
    request: BuildRequest,
    surroundings: Surroundings,
    strongly_typed: bool,
) -> tuple[Any, list[str]]:
    """Make the configuration of a build, all but timing cache and progress.

    Args:
        module: TensorRT.
        builder: makes it.
        network: the parsed graph.
        request: what is asked for.
        surroundings: the machine, whose memory sets the workspace where the options name none.
        strongly_typed: whether the network is.

    Returns:
        The configuration, and notes for people.

    Raises:
        BuildError: TensorRT refuses the profile or the DLA.
        UsageError: a target or a compatibility that this TensorRT does not know.
    """
    options = request.options
    config = builder.create_builder_config()
    config.profiling_verbosity = module.ProfilingVerbosity.DETAILED  # or the audit sees names only
    if options.level is not None:
        config.builder_optimization_level = options.level
    _set_precision(module, config, request.precision, strongly_typed)
    _suit_the_runtime(module, config)
    notes = _set_workspace(module, config, options, surroundings)
    _add_profile(builder, network, config, options, request.where)
    if options.version_compatible:
        config.set_flag(module.BuilderFlag.VERSION_COMPATIBLE)
    if options.hardware_compatibility != "none":
        config.hardware_compatibility_level = compatibility_level(module, options.hardware_compatibility)
    _set_targets(module, config, options)
    if options.dla_core is not None:
        notes.append(use_dla(module, builder, network, config, options.dla_core, options.batches[2], request.where))
    return config, notes


def _set_precision(module: ModuleType, config: Any, precision: Precision, strongly_typed: bool) -> None:
    if precision == "fp32":
        config.clear_flag(module.BuilderFlag.TF32)  # on unless cleared, and rounds factors to 10 bits: fp32 is the reference
    if strongly_typed or not has_precision_flags(module):
        return
    if hasattr(module.BuilderFlag, "FP16") and precision != "fp32":
        config.set_flag(module.BuilderFlag.FP16)
    if hasattr(module.BuilderFlag, "INT8") and precision == "int8":
        config.set_flag(module.BuilderFlag.INT8)


def _suit_the_runtime(module: ModuleType, config: Any) -> None:
    """What running relies on: several contexts that share the profile, and batches that can be captured as CUDA graphs."""
    if hasattr(module.PreviewFeature, "PROFILE_SHARING_0806"):  # needed in TensorRT 8; on of its own accord in 10
        config.set_preview_feature(module.PreviewFeature.PROFILE_SHARING_0806, True)
    if hasattr(module.BuilderFlag, "REQUIRE_USER_ALLOCATION"):  # TensorRT-RTX
        config.set_flag(module.BuilderFlag.REQUIRE_USER_ALLOCATION)


def _set_workspace(module: ModuleType, config: Any, options: BuildOptions, surroundings: Surroundings) -> list[str]:
    size, free_bytes = options.workspace_bytes, surroundings.free_bytes
    notes = []
    if size is None and free_bytes is not None:
        size = workspace_for(free_bytes, surroundings.integrated)
    elif size is not None and free_bytes is not None and size > free_bytes:
        notes.append(f"the workspace of {size_in_words(size)} is more than the {size_in_words(free_bytes)} that are free")
    if size is not None:
        config.set_memory_pool_limit(module.MemoryPoolType.WORKSPACE, size)
    return notes


def _add_profile(builder: Any, network: Any, config: Any, options: BuildOptions, where: str) -> None:
    profile = builder.create_optimization_profile()
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    shapes = {tensor.name: tuple(tensor.shape) for tensor in inputs}
    for name, shape in shapes.items():
        if any(side < 1 for side in shape[1:]):
            raise BuildError(f"{where}: the input '{name}' has the shape {list(shape)}; only the number of crops may be open")
    try:
        for name, shape in shapes.items():
            profile.set_shape(name, *((count, *shape[1:]) for count in options.batches))
        accepted = config.add_optimization_profile(profile) >= 0
    except RuntimeError:  # what its bindings make of a refusal
        accepted = False
    if not accepted:
        found = " and ".join(f"'{name}' of shape {list(shape)}" for name, shape in shapes.items())
        raise BuildError(
            f"{where}: TensorRT refuses batches of {options.batches[0]} to {options.batches[2]} for the input {found}; "
            "name the one that it has, for example --batch 1"
        )


def _set_targets(module: ModuleType, config: Any, options: BuildOptions) -> None:
    if hasattr(config, "num_compute_capabilities") and hasattr(config, "set_compute_capability") and options.targets:
        config.num_compute_capabilities = len(options.targets)
        for index, target in enumerate(options.targets):
            config.set_compute_capability(compute_capability(module, target), index)
