"""CEL expressions in `${{ … }}`: what a step is given, whether it runs, what a run returns.

Expressions are data from users: never Python, always bounded in size, depth and work. Each one is
compiled once, and what it may look at is known before it is ever evaluated.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any

from apps.workflows.cel_engine import cel, stdlib

MAX_EXPRESSION = 1_000  # characters; the parser's stack overflows somewhere above 10,000
MAX_BRACKETS = 24
MAX_MACROS_WITHIN = 2  # l.map(x, l.map(y, …)) is two
MAX_MACRO_WORK = 4_000_000  # a macro over n values costs n²: 2,000 values take 0.15 s (measured 2026-11)
MAX_RESULT = 262_144  # bytes of JSON

NAMES = frozenset({"input", "steps", "run"})
ITEM = frozenset({"item", "item_index"})  # known in the body of a map only; a macro may bind them
DELIVERY = frozenset({"body", "headers", "query"})  # what a trigger's expressions see, and nothing else
MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"}
    | {"loop", "package", "namespace", "null", "return", "true", "var", "void", "while"}
)
_BUILT_IN = frozenset(
    {"bytes", "contains", "double", "duration", "endsWith", "getDate", "getDayOfMonth", "getDayOfWeek"}
    | {"getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds"}
    | {"has", "int", "matches", "size", "startsWith", "string", "timestamp", "uint"}
)
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<string>(?:[rR][bB]?|[bB][rR]?)?(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"
        |'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_PLAIN_STRING = re.compile(r"""(['"])([A-Za-z_]\w*)\1""", re.ASCII)
_OPENING, _CLOSING = "([{", ")]}"


class ExpressionError(ValueError):
    """An expression that cannot be compiled or evaluated; the message says why and what to write."""

    def __init__(self, source: str, message: str) -> None:
        self.source = source
        self.message = message
        shown = source if len(source) <= 80 else source[:77] + "…"
        super().__init__(f"{message} (in `{shown.strip()}`)")


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression and what it refers to."""

    source: str
    program: cel.Program
    steps: frozenset[str]
    names: frozenset[str]
    macros_within: int
    uses_item: bool

    def evaluate(self, context: Mapping[str, Any], *, limit: int = MAX_RESULT) -> Any:
        """The value as JSON types, `limit` bytes of JSON at most. `context` has a value for each of
        NAMES that `names` holds, and in the body of a map also those of ITEM."""
        given = {name: context[name] for name in self.names}
        given |= {name: context[name] for name in ITEM if name in context}
        if "steps" in given:
            given["steps"] = {key: given["steps"][key] for key in self.steps}
        if self.macros_within:
            _check_work(self, given)
        try:
            value = self.program.execute(cel.Context(variables=given, functions=FUNCTIONS))
        except Exception as error:  # whatever CEL raises is the expression's fault, not ours
            raise ExpressionError(self.source, _explain(error)) from None
        return _bounded(self.source, value, limit)


@dataclass(frozen=True, slots=True)
class Template:
    """Text with expressions in it; one that is nothing but an expression keeps the value's type."""

    parts: tuple[str | Expression, ...]

    def render(self, context: Mapping[str, Any]) -> Any:
        if len(self.parts) == 1 and isinstance(self.parts[0], Expression):
            return self.parts[0].evaluate(context)
        texts = (part if isinstance(part, str) else as_text(part.evaluate(context)) for part in self.parts)
        return "".join(texts)


@lru_cache(maxsize=4096)
def compile_expression(source: str, names: frozenset[str] = NAMES) -> Expression:
    """Check and compile one CEL expression that sees `names`. Raises ExpressionError."""
    if not source.strip():
        raise ExpressionError(source, "the expression is empty")
    if len(source) > MAX_EXPRESSION:
        raise ExpressionError(source, f"the expression is longer than {MAX_EXPRESSION} characters")
    tokens = _tokens(source)
    macros_within, bound = _check_shape(source, tokens, names)
    steps = _referenced_steps(source, tokens)
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise ExpressionError(source, _syntax(str(error))) from None
    references = program.references()
    known = names | bound | (ITEM if names is NAMES else frozenset())
    unknown = [name for name in references["variables"] if name not in known]
    if unknown:
        use = "input, steps.<key> or run" if names is NAMES else " or ".join(sorted(names))
        raise ExpressionError(source, f"unknown name {unknown[0]!r}: use {use}")
    for name in references["functions"]:
        if name[0].isalpha() and name not in _KNOWN_FUNCTIONS:
            raise ExpressionError(source, f"unknown function {name!r}: use one of {', '.join(FUNCTIONS)}")
    used = frozenset(references["variables"])
    return Expression(source, program, steps, used & names, macros_within, bool(used & (ITEM - bound)))


@lru_cache(maxsize=4096)
def compile_text(text: str, names: frozenset[str] = NAMES) -> Template | None:
    """The template in `text`, or None when it has no `${{`. `$${{` stands for a literal `${{`."""
    if "${{" not in text:
        return None
    parts: list[str | Expression] = []
    plain = ""
    at = 0
    while (start := text.find("${{", at)) >= 0:
        if start and text[start - 1] == "$":
            plain += text[at : start - 1] + "${{"
            at = start + 3
            continue
        end = _end_of_expression(text, start + 3)
        plain += text[at:start]
        parts += [plain] if plain else []
        plain = ""
        parts.append(compile_expression(text[start + 3 : end].strip(), names))
        at = end + 2
    plain += text[at:]
    expressions = [part for part in parts if isinstance(part, Expression)]
    if len(expressions) == 1 and not "".join([plain, *(p for p in parts if isinstance(p, str))]).strip():
        return Template((expressions[0],))
    return Template((*parts, plain) if plain else tuple(parts))


def templates(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in a JSON value that holds a template, with the path to it."""
    if isinstance(value, str):
        if "${{" in value:
            yield (), value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (((key, *path), text) for path, text in templates(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from (((index, *path), text) for path, text in templates(item))


def references(value: Any) -> frozenset[str]:
    """The keys of the steps that the templates in a JSON value refer to."""
    return frozenset[str]().union(*(part.steps for _, text in templates(value) for part in within(text)))


def within(text: str) -> list[Expression]:
    """The expressions in a text. Raises ExpressionError."""
    template = compile_text(text)
    return [part for part in template.parts if isinstance(part, Expression)] if template else []


def is_one(text: str) -> bool:
    """Whether a text is one expression and nothing else; also True when it does not compile."""
    try:
        template = compile_text(text)
    except ExpressionError:
        return True
    return template is not None and len(template.parts) == 1 and isinstance(template.parts[0], Expression)


def render(value: Any, context: Mapping[str, Any], names: frozenset[str] = NAMES) -> Any:
    """A JSON value with its templates replaced. Raises ExpressionError."""
    if isinstance(value, str):
        template = compile_text(value, names)
        return value if template is None else template.render(context)
    if isinstance(value, Mapping):
        return {key: render(item, context, names) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, context, names) for item in value]
    return value


def is_true(source: str, context: Mapping[str, Any], names: frozenset[str] = NAMES) -> bool:
    """The value of a condition, which must be a boolean. Raises ExpressionError."""
    value = condition(source, names).evaluate(context)
    if not isinstance(value, bool):
        raise ExpressionError(source, f"a condition must be true or false, this one is {_kind(value)}")
    return value


def condition(source: str, names: frozenset[str] = NAMES) -> Expression:
    """A `when`: CEL, with or without `${{ }}` around it. Raises ExpressionError."""
    if "${{" not in source:
        return compile_expression(source.strip(), names)
    template = compile_text(source, names)
    if template is not None and len(template.parts) == 1 and isinstance(template.parts[0], Expression):
        return template.parts[0]
    raise ExpressionError(source, "a condition is one expression, without text around it")


def as_text(value: Any) -> str:
    """A value inside a longer text: text as it is, nothing for null, JSON for the rest."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _to_json(value)


# --- before evaluation -------------------------------------------------------------------------


def _tokens(source: str) -> list[str]:
    return [match.group() for match in _TOKEN.finditer(source) if match.lastgroup != "space"]


def _end_of_expression(text: str, start: int) -> int:
    """Where the `}}` that closes an expression begins; braces of CEL maps and strings are passed."""
    depth, at = 0, start
    while match := _TOKEN.match(text, at):
        lexeme = match.group()
        if lexeme == "}" and depth == 0:
            if text.startswith("}}", at):
                return at
            break
        depth += (lexeme == "{") - (lexeme == "}")
        at = match.end()
    raise ExpressionError(text[start - 3 : start + 60], "`${{` has no closing `}}`")


def _check_shape(source: str, tokens: list[str], names: frozenset[str]) -> tuple[int, frozenset[str]]:
    """Bound the nesting; returns the deepest macros-in-macros and the names that macros bind."""
    open_brackets: list[bool] = []
    bound: set[str] = set()
    deepest = 0
    for index, token in enumerate(tokens):
        if token in _OPENING:
            is_macro = index >= 2 and tokens[index - 1] in MACROS and tokens[index - 2] == "."
            open_brackets.append(is_macro)
            if is_macro and index + 1 < len(tokens):
                bound.add(tokens[index + 1])
            deepest = max(deepest, sum(open_brackets))
            if len(open_brackets) > MAX_BRACKETS:
                raise ExpressionError(source, f"brackets are nested deeper than {MAX_BRACKETS}")
        elif token in _CLOSING and open_brackets:
            open_brackets.pop()
    if deepest > MAX_MACROS_WITHIN:
        raise ExpressionError(source, f"map, filter, all and exists nest at most {MAX_MACROS_WITHIN} deep")
    if reserved := bound & names:
        raise ExpressionError(source, f"{min(reserved)!r} cannot be the variable of a macro")
    return deepest, frozenset(bound)


def _referenced_steps(source: str, tokens: list[str]) -> frozenset[str]:
    """The keys in `steps.key` and `steps["key"]`; any other use of `steps` is refused."""
    keys: set[str] = set()
    for index, lexeme in enumerate(tokens):
        if lexeme != "steps" or (index and tokens[index - 1] == "."):
            continue
        following = [*tokens[index + 1 : index + 4], "", "", ""]
        quoted = _PLAIN_STRING.fullmatch(following[1])
        if following[0] == "." and (following[1][:1].isalpha() or following[1][:1] == "_"):
            keys.add(following[1])
        elif following[0] == "[" and following[2] == "]" and quoted:
            keys.add(quoted.group(2))
        else:
            raise ExpressionError(source, "name one step: steps.<key>.output, .status or .error")
    return frozenset(keys)


def _syntax(message: str) -> str:
    """The first line of the parser's complaint, without the expression it repeats."""
    match = re.search(r"ERROR: <input>:(\d+):(\d+): (.+)", message)
    if match is None:
        return "this is not a CEL expression"
    what = match.group(3).removeprefix("Syntax error: ").split(" expecting {")[0]
    return f"not a CEL expression: {what} at character {match.group(2)}"


# --- evaluation --------------------------------------------------------------------------------


def _check_work(expression: Expression, given: Mapping[str, Any]) -> None:
    """Refuse a macro over so many values that it would hold a worker."""
    widest = max((_widest(value) for value in given.values()), default=0)
    if (widest * widest) ** expression.macros_within > MAX_MACRO_WORK:
        raise ExpressionError(
            expression.source, f"map, filter, all and exists cannot go over {widest:,} values: too many"
        )


def _widest(value: Any) -> int:
    """The size of the largest list or map in a value; text counts by its lines."""
    if isinstance(value, str):
        return value.count("\n") + 1
    if isinstance(value, Mapping):
        return max(len(value), max(map(_widest, value.values()), default=0))
    if isinstance(value, list):
        return max(len(value), max(map(_widest, value), default=0))
    return 0


def _explain(error: Exception) -> str:
    """What went wrong, in the words of someone who wrote the expression."""
    text = re.split(r"CEL does not coerce|Check that|Check function", str(error))[0].strip().rstrip(".")
    if isinstance(error, KeyError):
        return f"there is no field {text}: test it with has(…) first"
    if text.startswith("No such overload"):
        return "the operation does not fit the values: null has no fields; int, double and string do not mix"
    return text[:300] or type(error).__name__


def _bounded(source: str, value: Any, limit: int) -> Any:
    plain = _plain(source, value)
    if len(_to_json(plain)) > limit:
        raise ExpressionError(source, f"the result is larger than {limit:,} bytes")
    return plain


def _plain(source: str, value: Any) -> Any:
    """A CEL value as JSON types; maps sorted by key, because CEL's have no order."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(source, f"the result is {value}, which is not a JSON number")
        return value
    if isinstance(value, Mapping):
        named = sorted(((str(key), item) for key, item in value.items()), key=itemgetter(0))
        return {key: _plain(source, item) for key, item in named}
    if isinstance(value, list | tuple):
        return [_plain(source, item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, cel.OptionalValue):
        return _plain(source, value.value()) if value.has_value() else None
    raise ExpressionError(source, f"the result is {_kind(value)}, which JSON cannot hold")


def _kind(value: Any) -> str:
    names = {str: "text", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _join(items: list[Any], separator: str = "") -> str:
    return separator.join(as_text(item) for item in items)


def _lines(text: str) -> list[str]:
    return text.splitlines()


def _truncate(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(length - 1, 0)] + "…"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "join": _join,
    "lines": _lines,
    "lowerAscii": stdlib.lower_ascii,
    "toJson": _to_json,
    "trim": stdlib.trim,
    "truncate": _truncate,
    "upperAscii": stdlib.upper_ascii,
}
_KNOWN_FUNCTIONS = _BUILT_IN | frozenset(FUNCTIONS)
