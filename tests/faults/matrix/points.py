"""Every fail point that the product's code has, read from the code itself.

Two kinds: calls of `fail_point` with a name, and the transactions of the journal, whose points have
the name of the verb that opens them. A generator that opens one lends it to the verbs that use it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.rig.stack import ROOT

Function = ast.FunctionDef | ast.AsyncFunctionDef


def in_code() -> dict[str, str]:
    """Each point by name, and the file that has it."""
    found: dict[str, str] = {}
    for folder in ("apps", "config"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text()
            if path.name != "failpoints.py" and ("fail_point(" in text or "changes(" in text):
                where = str(path.relative_to(ROOT))
                found |= dict.fromkeys(_points(ast.parse(text), path.relative_to(ROOT)), where)
    return found


def verbs(points: dict[str, str]) -> set[str]:
    """The names without `:before_commit` and the like."""
    return {point.partition(":")[0] for point in points}


def _points(tree: ast.Module, path: Path) -> Iterator[str]:
    module = ".".join(path.with_suffix("").parts).removesuffix(".__init__").removeprefix("apps.")
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "fail_point":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)
    for function in functions:
        if function.name != "changes" and any(_opens(one, "changes") for one in _own(function)):
            for verb in _verbs_of(function, functions):
                yield f"{module}.{verb}:before_commit"
                yield f"{module}.{verb}:after_commit"


def _verbs_of(function: Function, functions: list[Function]) -> Iterator[str]:
    users = [one for one in functions if any(_opens(node, function.name) for node in _own(one))]
    if users and any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function)):
        for user in users:
            yield from _verbs_of(user, functions)
    else:
        yield function.name.lstrip("_")


def _own(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, Function):
            left.extend(ast.iter_child_nodes(node))


def _opens(node: ast.AST, name: str) -> bool:
    """Whether it is a `with name(…)` or `with journal.name(…)`."""
    if not isinstance(node, ast.With):
        return False
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    return any(_name(call.func) == name for call in calls)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
