"""Frozen dataclasses from plain JSON values and back, and their JSON Schema: the types are the one definition."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from edgelpr.errors import DataError

_Value = TypeVar("_Value")
_NAMES = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}


def to_plain(value: Any) -> Any:
    """Dictionaries, lists, texts, numbers and None, as JSON has them."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    return value


def from_plain(kind: type[_Value], value: Any, where: str) -> _Value:
    """A dataclass from what ``to_plain`` made of it.

    Args:
        kind: the dataclass; fields may be dataclasses, tuples of one type, mappings of texts, choices and plain values.
        value: what a JSON file holds.
        where: what to call it in the message.

    Raises:
        DataError: a key is missing or unknown, or a value is of another type, which the message names.
    """
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected an object, found {_named(value)}")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(value) - set(known))
    missing = [name for name, field in known.items() if name not in value and not _optional(field)]
    if unknown or missing:
        wrong = [f"{what} {', '.join(names)}" for what, names in (("unknown key", unknown), ("missing key", missing)) if names]
        raise DataError(f"{where}: {'; '.join(wrong)}")
    hints = get_type_hints(kind)
    return kind(**{name: _parse(hints[name], each, f"{where}: {name}") for name, each in value.items()})


def schema_of(kind: Any) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of what ``to_plain`` gives for a dataclass, or for a value of a type."""
    if is_dataclass(kind):
        hints, known = get_type_hints(kind), fields(kind)
        properties = {field.name: schema_of(hints[field.name]) for field in known}
        required = [field.name for field in known if not _optional(field)]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(each) for each in arguments]}
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        values = {} if arguments[1] is Any else {"additionalProperties": schema_of(arguments[1])}
        return {"type": "object", **values}
    return {"type": _NAMES[kind]}


def _parse(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return from_plain(kind, value, where)  # type: ignore[arg-type]
    if origin is Literal:
        return _checked(value in arguments, value, where, f"one of {', '.join(map(str, arguments))}")
    if origin is tuple:
        _checked(isinstance(value, list), value, where, "a list")
        return tuple(_parse(arguments[0], each, f"{where} {number}") for number, each in enumerate(value, 1))
    if origin in (Union, types.UnionType):
        return None if value is None else _parse(next(each for each in arguments if each is not type(None)), value, where)
    if origin is not None:
        _checked(isinstance(value, dict), value, where, "an object")
        return {key: _parse(arguments[1], each, f"{where}: {key}") for key, each in value.items()}
    return _number(kind, value, where) if kind in (int, float) else _checked(type(value) is kind, value, where, _NAMES[kind])


def _number(kind: type, value: Any, where: str) -> Any:
    fits = type(value) is int or (kind is float and type(value) is float and math.isfinite(value))
    return kind(_checked(fits, value, where, _NAMES[kind]))


def _checked(fits: bool, value: Any, where: str, expected: str) -> Any:
    if not fits:
        raise DataError(f"{where}: expected {expected}, found {_named(value)}")
    return value


def _named(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:40]!r}"


def _optional(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING
