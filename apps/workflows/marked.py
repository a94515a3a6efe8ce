"""YAML and JSON text as plain values, with the line and column of every value and key.

YAML is read as YAML 1.2 reads JSON-like data: only true/false, numbers and null are special, so
that `on`, `no`, `12:30` and dates stay the text they look like. Anchors and tags are refused: a few
lines of them can grow to gigabytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_TEXT = 524_288  # characters
MAX_DEPTH = 32

Path = tuple[str | int, ...]


class TextError(ValueError):
    """Text that is neither YAML nor JSON. `line` and `column` count from 1; None when unknown."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        self.message = message
        self.line = line
        self.column = column
        super().__init__(message)


@dataclass(slots=True)
class Marked:
    """A value and where its parts are: `values[path]` and `keys[path]` are (line, column) from 1."""

    value: Any = None
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path, *, of_key: bool = False) -> tuple[int, int] | None:
        """Where `path` is, or the nearest part above it that exists."""
        if of_key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if (found := self.values.get(path[:length])) is not None:
                return found
        return None


class _Loader(yaml.CSafeLoader):
    """Resolves what JSON knows and nothing else."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}


_STR, _MAP, _SEQ = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_Loader.add_implicit_resolver(_NULL, re.compile(r"(?:null|~|)\Z"), ["n", "~", ""])
_Loader.add_implicit_resolver(_BOOL, re.compile(r"(?:true|false)\Z"), list("tf"))
_Loader.add_implicit_resolver(_INT, re.compile(r"[-+]?\d{1,18}\Z", re.ASCII), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d{1,3})?\Z", re.ASCII),
    list("-+.0123456789"),
)


def load(text: str) -> Marked:
    """Read YAML or JSON. Raises TextError."""
    if len(text) > MAX_TEXT:
        raise TextError(f"the text is longer than {MAX_TEXT:,} characters")
    if text.lstrip().startswith("{"):
        return _load_json(text)
    return _load_yaml(text)


def _load_json(text: str) -> Marked:
    """JSON proper, because YAML reads its tabs and surrogate pairs otherwise."""
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        if ":" in text.split("\n", 1)[0] and not text.lstrip().startswith('{"'):
            return _load_yaml(text)  # a YAML flow mapping
        raise TextError(f"not JSON: {error.msg}", error.lineno, error.colno) from None
    except RecursionError:
        raise TextError(f"the text is nested deeper than {MAX_DEPTH} levels") from None
    try:
        marked = _load_yaml(text.replace("\t", " "))
    except TextError as error:
        if "nested" in error.message:
            raise
        marked = Marked()
    marked.value = value
    _check_texts(marked, value, ())
    return marked


def _load_yaml(text: str) -> Marked:
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise TextError("the text holds a character that YAML does not allow", line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "cannot be read"
        raise TextError(
            f"not YAML: {what}", mark.line + 1 if mark else None, mark.column + 1 if mark else None
        ) from None
    if node is None:
        raise TextError("the text is empty", 1, 1)
    marked = Marked()
    marked.value = _value(marked, node, ())
    _check_texts(marked, marked.value, ())
    return marked


def _check_events(text: str) -> None:
    """Refuse aliases and depth before any tree is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _at(event.start_mark, "anchors and aliases are not allowed: write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _at(event.start_mark, f"the text is nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _value(marked: Marked, node: yaml.Node, path: Path) -> Any:
    marked.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
        return _mapping(marked, node, path)
    if isinstance(node, yaml.SequenceNode) and node.tag == _SEQ:
        return [_value(marked, item, (*path, index)) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        if node.tag == _STR:
            return str(node.value)
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return node.value == "true"
        if node.tag == _INT:
            return int(node.value)
        if node.tag == _FLOAT:
            return float(node.value)
    raise _at(node.start_mark, f"the tag {node.tag!r} is not allowed: leave it out")


def _mapping(marked: Marked, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _at(key_node.start_mark, "a key must be text")
        key = str(key_node.value)
        if key in result:
            raise _at(key_node.start_mark, f"the key {key!r} is there twice")
        marked.keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        result[key] = _value(marked, value_node, (*path, key))
    return result


def _check_texts(marked: Marked, value: Any, path: Path) -> None:
    """Refuse what a database cannot hold: NUL and half surrogate pairs, written as escapes."""
    if isinstance(value, str):
        if not is_storable(value):
            line, column = marked.place(path) or (None, None)
            raise TextError("the text holds a NUL or half a surrogate pair", line, column)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(marked, key, path)
            _check_texts(marked, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_texts(marked, item, (*path, index))


def is_storable(text: str) -> bool:
    """Whether PostgreSQL's jsonb takes the text."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise TextError(f"the key {key!r} is there twice")
        result[key] = value
    return result


def _refuse_constant(word: str) -> Any:
    raise TextError(f"{word} is not JSON")


def _at(mark: Any, message: str) -> TextError:
    return TextError(message, mark.line + 1, mark.column + 1)
