"""The engines of a bundle in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.output import note, print_table

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.engines.storing import StoredEngine

_HEADER = ("engine", "precision", "for", "batches", "MB", "built", "of this bundle's graph")


def engine_entries(bundle: Bundle) -> list[dict[str, Any]]:
    """Plain values of every engine for JSON: its file, what is wrong with that (in general null), and its record."""
    from edgelpr.engines.storing import damage_of, engines_of

    return [
        {"engine": str(stored.path), "damage": damage_of(stored), **stored.record.to_dict()} for stored in engines_of(bundle)
    ]


def stray_files(bundle: Bundle) -> list[str]:
    """What lies among the engines and is none, or is damaged, and why; for JSON."""
    from edgelpr.engines.storing import strays

    return list(strays(bundle))


def print_engines(bundle: Bundle) -> None:
    """A row for each engine, what the audit found in it, and what lies beside them but is none or damaged.

    Every plan is read to its end. Nothing is printed where nothing is.
    """
    from edgelpr.engines.storing import damage_of, engines_of, strays

    read = [(engine, damage_of(engine)) for engine in engines_of(bundle)]
    stored = [engine for engine, damage in read if damage is None]
    if stored:
        click.echo("\nEngines, each for one GPU and one version of TensorRT")
        print_table(_HEADER, [_row(bundle, engine) for engine in stored], right=("MB",))
        for engine in stored:
            audit = engine.record.audit
            click.echo(f"{engine.path.name}: {'not audited' if audit is None else audit.in_words}")
            for line in engine.record.notes:
                click.echo(f"  note: {line}")
    again = [f"{damage}; build it again" for _, damage in read if damage is not None]
    for reason in (*again, *strays(bundle)):
        note(f"Warning: {reason}")


def _row(bundle: Bundle, engine: StoredEngine) -> list[str]:
    record = engine.record
    graph = bundle.manifest.graph(record.precision, record.target.backend)
    same = graph is not None and bundle.manifest.files[graph.file].sha256 == record.graph_sha256
    return [
        engine.path.name,
        record.precision,
        f"{record.target.software} on {record.target.hardware}",
        record.options.batches_in_words,
        f"{record.plan_bytes / 1e6:.1f}",
        record.built,
        "yes" if same else "no: build it again",
    ]
