"""Which attributes of TensorRT our source touches, held against the API of one version.

The source is walked as that version would run it: where ``hasattr`` or ``getattr`` asks for an attribute, only the branch is
taken that the version takes. What an object is follows from where it came from; where that cannot be known, from its name
(``NAMED``); and an attribute that only TensorRT has, of an object of which nothing is known, is a mistake as well. So a new use
is either checked or refused.
"""

from __future__ import annotations

import ast
import functools
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from doubles.surfaces import Surface, load_surface

SOURCE = Path(__file__).parents[2] / "edgelpr"
MODULE = "the module"
NAMED = {
    "module": MODULE,
    "builder": "Builder",
    "network": "INetworkDefinition",
    "config": "IBuilderConfig",
    "parser": "OnnxParser",
    "refusal": "ParserError",
    "profile": "IOptimizationProfile",
    "serialised": "IHostMemory",
    "runtime": "Runtime",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "runtime_config": "IRuntimeConfig",
    "runtime_cache": "IRuntimeCache",
    "inspector": "EngineInspector",
}
"""What a variable, a parameter or an attribute of such a name is, where nothing else says it; leading underscores aside."""

RETURNS = {
    ("Builder", "create_network"): "INetworkDefinition",
    ("Builder", "create_builder_config"): "IBuilderConfig",
    ("Builder", "create_optimization_profile"): "IOptimizationProfile",
    ("Builder", "build_serialized_network"): "IHostMemory",
    ("OnnxParser", "get_error"): "ParserError",
    ("ParserError", "code"): "enum ErrorCode",
    ("INetworkDefinition", "get_input"): "ITensor",
    ("INetworkDefinition", "get_output"): "ITensor",
    ("INetworkDefinition", "get_layer"): "ILayer",
    ("IBuilderConfig", "create_timing_cache"): "ITimingCache",
    ("IBuilderConfig", "get_timing_cache"): "ITimingCache",
    ("ITimingCache", "serialize"): "IHostMemory",
    ("Runtime", "deserialize_cuda_engine"): "ICudaEngine",
    ("ICudaEngine", "create_execution_context"): "IExecutionContext",
    ("ICudaEngine", "create_execution_context_without_device_memory"): "IExecutionContext",
    ("ICudaEngine", "create_engine_inspector"): "EngineInspector",
    ("ICudaEngine", "create_runtime_config"): "IRuntimeConfig",
    ("IRuntimeConfig", "create_runtime_cache"): "IRuntimeCache",
    ("IRuntimeCache", "serialize"): "IHostMemory",
}
_OF_EVERY_ENUM = {"name", "value"}
_LIBRARY = (
    logging,
    str,
    bytes,
    int,
    float,
    list,
    tuple,
    dict,
    set,
    Path,
    re.Match,
    logging.Logger,
    np.ndarray,
    np.dtype,
    Exception,
)


@dataclass(frozen=True)
class Value:
    """What is known of an expression."""

    kind: str = ""
    """A class of TensorRT, ``enum X`` or the module; ``ours``: nothing of TensorRT's; empty: not known."""
    asked: bool | None = None
    """Of what ``getattr`` gave: whether the version has it."""


UNKNOWN, OURS = Value(), Value("ours")
_Names = dict[str, Value]


def mistakes_in(source: str, version: str, where: str = "source") -> list[str]:
    """What a version of TensorRT would not have understood."""
    walk = _Walk(load_surface(version), where)
    walk.body(ast.parse(source).body, {})
    return sorted(set(walk.mistakes))


def misspellings(source: str) -> Iterator[tuple[str, str]]:
    """Every attribute that only TensorRT has, with the source in which it, and it alone, is misspelt."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in _only_tensorrt():
            row, end = (node.end_lineno or 1) - 1, node.end_col_offset
            changed = lines[row].encode()[:end] + b"_" + lines[row].encode()[end:]
            yield f"{row + 1}: {node.attr}", "".join([*lines[:row], changed.decode(), *lines[row + 1 :]])


@functools.cache
def own_names() -> frozenset[str]:
    """Attributes that our own classes and the libraries define: those say nothing about TensorRT."""
    found = {name for thing in _LIBRARY for name in dir(thing)}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found |= {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                found |= {item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and _is_name(item.target)}
    return frozenset(found)


@functools.cache
def _predicates() -> Mapping[str, ast.FunctionDef]:
    """Functions of ``features`` that only answer: they are looked through."""
    tree = ast.parse((SOURCE / "engines" / "features.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: node for node in functions if len(node.body) == 2 and isinstance(node.body[1], ast.Return)}


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _by_name(name: str) -> Value:
    return Value(NAMED.get(name.lstrip("_"), ""))


@dataclass
class _Walk:
    surface: Surface
    where: str
    mistakes: list[str] = field(default_factory=list)
    of_self: _Names = field(default_factory=dict)

    # Statements: the result says whether nothing behind them is reached

    def body(self, statements: Iterable[ast.stmt], names: _Names) -> bool:
        return any(self.statement(statement, names) for statement in statements)

    def statement(self, node: ast.stmt, names: _Names) -> bool:
        walk = getattr(self, f"walk_{type(node).__name__.lower()}", None)
        if walk is not None:
            return bool(walk(node, names))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, names)
        return isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break))

    def walk_with(self, node: ast.With, names: _Names) -> bool:
        for item in node.items:
            self.bind(item.optional_vars, self.value(item.context_expr, names), names)
        return self.body(node.body, names)

    def walk_try(self, node: ast.Try, names: _Names) -> None:
        for part in (node.body, *(handler.body for handler in node.handlers), node.orelse, node.finalbody):
            self.body(part, names)

    def walk_import(self, node: ast.Import | ast.ImportFrom, names: _Names) -> None:
        names |= {(alias.asname or alias.name).split(".")[0]: OURS for alias in node.names}

    walk_importfrom = walk_import

    def walk_if(self, node: ast.If, names: _Names) -> bool:
        holds = self.truth(node.test, names)
        taken = [part for part, possible in ((node.body, holds is not False), (node.orelse, holds is not True)) if possible]
        ends = [self.body(part, names) for part in taken]
        return all(ends)

    def walk_for(self, node: ast.For | ast.While, names: _Names) -> None:
        if isinstance(node, ast.For):
            self.value(node.iter, names)
            self.bind_each(node.target, names)
        else:
            self.value(node.test, names)
        self.body(node.body, names)
        self.body(node.orelse, names)

    walk_while = walk_for

    def walk_functiondef(self, node: ast.FunctionDef, names: _Names) -> None:
        self.body(node.body, names | {each.arg: _parameter(each) for each in _parameters(node)})

    def walk_classdef(self, node: ast.ClassDef, names: _Names) -> None:
        for base in node.bases:
            self.value(base, names)
        outer, self.of_self = self.of_self, {}
        found = len(self.mistakes)
        self.body(node.body, dict(names))  # once to learn what the attributes are
        del self.mistakes[found:]
        self.body(node.body, dict(names))
        self.of_self = outer

    def walk_assign(self, node: ast.Assign | ast.AnnAssign, names: _Names) -> None:
        value = UNKNOWN if node.value is None else self.value(node.value, names)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for part, source in zip(target.elts, node.value.elts, strict=True):
                    self.bind(part, self.value(source, names), names)
            else:
                self.bind(target, value, names)

    walk_annassign = walk_assign

    def bind(self, target: ast.expr | None, value: Value, names: _Names) -> None:
        if isinstance(target, ast.Name):
            names[target.id] = value if value != UNKNOWN else _by_name(target.id)
        elif isinstance(target, ast.Tuple):
            for part in target.elts:
                self.bind(part, UNKNOWN, names)
        elif isinstance(target, ast.Attribute) and _is_name(target.value) and target.value.id == "self":  # type: ignore[attr-defined]
            if value != UNKNOWN and self.of_self.get(target.attr, OURS) == OURS:
                self.of_self[target.attr] = value
        elif target is not None:
            self.value(target, names)

    def bind_each(self, target: ast.expr, names: _Names) -> None:
        """Of a loop nothing is known: ``engine`` may well be one of ours."""
        names |= {node.id: UNKNOWN for node in ast.walk(target) if isinstance(node, ast.Name)}

    # Expressions

    def value(self, node: ast.expr, names: _Names) -> Value:
        if isinstance(node, ast.Name):
            return names.get(node.id, UNKNOWN)
        if isinstance(node, ast.Attribute):
            return self.attribute(node, names)
        if isinstance(node, ast.Call):
            return self.call(node, names)
        if isinstance(node, (ast.BoolOp, ast.IfExp)):
            return self.choice(node, names)
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            return self.comprehension(node, names)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, names | {each.arg: UNKNOWN for each in node.args.args})
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, names)
        nothing = isinstance(node, ast.Constant) and node.value is None  # and what it stands for is not known
        return OURS if isinstance(node, (ast.Constant, ast.JoinedStr)) and not nothing else UNKNOWN

    def attribute(self, node: ast.Attribute, names: _Names) -> Value:
        name = node.attr
        if _is_name(node.value) and node.value.id == "self":  # type: ignore[attr-defined]
            return self.of_self.get(name) or _by_name(name)
        owner = self.value(node.value, names)
        if owner.kind in ("", "ours") or name.startswith("__"):
            if owner == UNKNOWN and name in _only_tensorrt() and _by_name(name) == UNKNOWN:
                self.complain(node, f"'{name}' of an object of which nothing is known; give it a name of NAMED")
            return _by_name(name) if owner == UNKNOWN else UNKNOWN
        if not self.has(owner, name):
            self.complain(node, f"{owner.kind} has no '{name}', and nothing asked whether it has")
        return self.member(owner, name)

    def call(self, node: ast.Call, names: _Names) -> Value:
        given = [self.value(each, names) for each in (*node.args, *(keyword.value for keyword in node.keywords))]
        if isinstance(node.func, ast.Name):
            if node.func.id in ("getattr", "hasattr"):
                return self.asked(node, given)
            if node.func.id in _predicates():
                function = _predicates()[node.func.id]
                answer = function.body[1]
                known = dict(zip((each.arg for each in _parameters(function)), given, strict=False))
                return self.value(answer.value, known)  # type: ignore[attr-defined,arg-type]
            made_here = node.func.id[0].isupper() or (node.func.id.startswith("_") and node.func.id[1:2].isupper())
            return OURS if made_here else self.made(names.get(node.func.id, UNKNOWN))
        function_value = self.value(node.func, names)
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, names)
            return Value(RETURNS.get((owner.kind, node.func.attr), "")) if owner.kind != MODULE else function_value
        return UNKNOWN

    def made(self, function: Value) -> Value:
        return Value(function.kind) if function.kind in self.surface.classes else UNKNOWN

    def asked(self, node: ast.Call, given: list[Value]) -> Value:
        owner, question = given[0], node.args[1]
        if owner.kind in ("", "ours") or not isinstance(question, ast.Constant) or str(question.value).startswith("__"):
            return UNKNOWN
        name = str(question.value)
        if not any(_has(other, owner, name) for other in _surfaces()):
            self.complain(node, f"no version has '{name}' of {owner.kind}, which is asked for")
        found = self.has(owner, name)
        kind = self.member(owner, name).kind if found else "ours"
        return Value(kind, found)

    def choice(self, node: ast.BoolOp | ast.IfExp, names: _Names) -> Value:
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                if self.truth(part, names) is isinstance(node.op, ast.Or):
                    break  # what follows is not reached
            return UNKNOWN
        holds = self.truth(node.test, names)
        values = [self.value(part, names) for part, no in ((node.body, False), (node.orelse, True)) if holds is not no]
        return values[0] if len(values) == 1 else UNKNOWN

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, names: _Names) -> Value:
        inner = dict(names)
        for generator in node.generators:
            self.value(generator.iter, inner)
            self.bind_each(generator.target, inner)
            for test in generator.ifs:
                self.value(test, inner)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.value(part, inner)
        return UNKNOWN

    def truth(self, node: ast.expr, names: _Names) -> bool | None:
        """Whether a condition holds with this version; None: it does not depend on it."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            holds = self.truth(node.operand, names)
            return None if holds is None else not holds
        if isinstance(node, ast.BoolOp):
            return self.several(node, names)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self.comparison(node, names)
        value = self.value(node, names)
        return value.asked if isinstance(node, (ast.Call, ast.Name)) else None

    def several(self, node: ast.BoolOp, names: _Names) -> bool | None:
        decisive, answers = isinstance(node.op, ast.Or), []
        for part in node.values:
            answers.append(self.truth(part, names))
            if answers[-1] is decisive:
                return decisive
        return None if None in answers else not decisive

    def comparison(self, node: ast.Compare, names: _Names) -> bool | None:
        left, right = self.value(node.left, names), node.comparators[0]
        self.value(right, names)
        same = isinstance(node.ops[0], (ast.Is, ast.Eq))
        if (not same and not isinstance(node.ops[0], (ast.IsNot, ast.NotEq))) or not isinstance(right, ast.Constant):
            return None
        if right.value is None:
            return None if left.asked is None else left.asked is not same
        if _is_name(node.left) and node.left.id == "backend":  # type: ignore[attr-defined]
            return (right.value == self.surface.package.replace("_", "-")) is same
        return None

    # What the version has

    def has(self, owner: Value, name: str) -> bool:
        return _has(self.surface, owner, name)

    def member(self, owner: Value, name: str) -> Value:
        full = name if owner.kind == MODULE else f"{owner.kind}.{name}"
        if full in self.surface.enums:
            return Value(f"enum {full}")
        return Value(name) if owner.kind == MODULE and name in self.surface.classes else UNKNOWN

    def complain(self, node: ast.AST, message: str) -> None:
        line = getattr(node, "lineno", 0)
        self.mistakes.append(f"{self.where}:{line}: {self.surface.package} {self.surface.version}: {message}")


def _has(surface: Surface, owner: Value, name: str) -> bool:
    if owner.kind == MODULE:
        return name in surface.top
    if owner.kind.startswith("enum "):
        return name in _OF_EVERY_ENUM or name in surface.enums.get(owner.kind[5:], ())
    return name in surface.classes.get(owner.kind, ())


@functools.cache
def _surfaces() -> tuple[Surface, ...]:
    from doubles.surfaces import VERSIONS

    return tuple(load_surface(version) for version in VERSIONS)


@functools.cache
def _only_tensorrt() -> frozenset[str]:
    members = {name for surface in _surfaces() for names in surface.classes.values() for name in names}
    return frozenset(members - own_names())


def _parameters(node: ast.FunctionDef) -> Iterator[ast.arg]:
    yield from (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)


def _parameter(node: ast.arg) -> Value:
    said = "" if node.annotation is None else ast.unparse(node.annotation)
    return _by_name(node.arg) if said in ("", "Any", "ModuleType", "Any | None") else OURS
