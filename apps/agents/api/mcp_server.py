"""The product as an MCP server: what a tool is, who calls it, and how it is told what went wrong.

The protocol is the official SDK's. A request is answered by itself: nothing is remembered between
two of them, so that any web process may answer any. Tools come from whoever composes the server.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

import orjson
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from mcp import McpError, types
from mcp.server.lowlevel import Server
from pydantic import BaseModel, ConfigDict, ValidationError

from apps.accounts.principal import Action, Principal
from apps.errors import DomainError, Forbidden, InvalidInput

logger = logging.getLogger(__name__)

CALLER = "mission_control.caller"
MOST_PROBLEMS = 10
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
INSTRUCTIONS = """\
Mission Control hands you work and shows people what you do with it. To work for it:
1. Call whoami once. With a key for one agent it tells you who you are; otherwise give it a name, a \
type and your capabilities, and pass the agent_id it answers as `agent` to the other tools.
2. Call next_command with wait_s 25, again and again, until it answers a command.
3. Call ack_command, then do what its prompt says, with its input. Call report_progress at every step, \
and at least every four minutes: who stays silent for longer loses the command to somebody else.
4. Call complete_command with the output, or with an error. Then go on with 2.
Every call about a command takes its id and its fence, as next_command gave them. An answer with \
cancel true means: stop, and complete it with an error. When a person should decide something first, \
call request_approval and then get_approval until it is decided.
"""


@dataclass(frozen=True, slots=True)
class Configured:
    """The agent that a client's configuration says to be; empty where it says nothing."""

    name: str = ""
    type: str = ""
    capabilities: str = ""
    """Names, separated by commas."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a tool: a key, and whom its client was configured to be."""

    principal: Principal
    configured: Configured
    gone: asyncio.Future[Any]
    """Done when whoever called has hung up."""
    trace_id: str = ""
    """Of the `traceparent` that came along with the call."""


class Given(BaseModel):
    """The arguments of a tool. The descriptions of its fields are written for the model that calls it."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What a tool answers, as structured content."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `call` gets a Caller and a value of `given`, gives one of `answer`, and may raise
    any DomainError, whose message the model reads. `action` is what the key's scopes must allow."""

    name: str
    title: str
    description: str
    given: type[Given]
    answer: type[Answer]
    call: Callable[[Caller, Any], Awaitable[Answer]]
    action: Action | None
    only_reads: bool = False
    may_repeat: bool = False


def server(tools: Sequence[Tool]) -> Server[Any, Any]:
    """An MCP server with these tools, always all of them and in this order."""
    by_name = {tool.name: tool for tool in tools}
    listed = types.ListToolsResult(tools=[_listed(tool) for tool in tools])
    made: Server[Any, Any] = Server("mission-control", settings.VERSION, INSTRUCTIONS)

    async def list_tools(_: Any) -> types.ServerResult:
        return types.ServerResult(listed)

    async def call_tool(request: types.CallToolRequest) -> types.ServerResult:
        tool = by_name.get(request.params.name)
        if tool is None:
            said = f"There is no tool {request.params.name[:100]!r}; there are {', '.join(by_name)}."
            raise McpError(types.ErrorData(code=types.INVALID_PARAMS, message=said))
        http = made.request_context.request
        assert http is not None  # the only transport is HTTP
        caller: Caller = http.scope[CALLER]
        caller = replace(caller, trace_id=_trace_id(made.request_context.meta))
        return types.ServerResult(await _called(tool, caller, request.params.arguments or {}))

    # The SDK's decorators would put any exception's text into the answer.
    made.request_handlers[types.ListToolsRequest] = list_tools
    made.request_handlers[types.CallToolRequest] = call_tool
    return made


def _trace_id(meta: types.RequestParams.Meta | None) -> str:
    """The trace a call belongs to (W3C Trace Context in `_meta`); empty when it says none."""
    said = (meta.model_extra or {}).get("traceparent") if meta is not None else None
    found = TRACEPARENT.fullmatch(said) if isinstance(said, str) else None
    return found[1] if found and found[1].strip("0") else ""


async def _called(tool: Tool, caller: Caller, arguments: dict[str, Any]) -> types.CallToolResult:
    try:
        if tool.action is not None and not caller.principal.can(tool.action):
            raise Forbidden(lacks(caller.principal, tool.action))
        answer = await tool.call(caller, checked(tool.given, arguments))
    except DomainError as error:
        return _refusal(str(error) or (type(error).__doc__ or "").strip())
    except (OperationalError, InterfaceError):
        logger.warning("a tool could not reach the database", extra={"tool": tool.name}, exc_info=True)
        return _refusal("The database does not answer. Nothing was changed; try again in a moment.")
    except Exception:
        logger.exception("a tool broke", extra={"tool": tool.name})
        return _refusal("The server failed. Its log has the reason; trying again may help.")
    value = answer.model_dump(mode="json")
    text = types.TextContent(type="text", text=orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
    return types.CallToolResult(content=[text], structuredContent=value)


def lacks(principal: Principal, action: Action) -> str:
    """Why a key may not do something, and what would mend it."""
    scope = {"agent": "agent", "read": "read", "operate": "run", "ingest": "ingest"}.get(action, action)
    has = ", ".join(sorted(principal.scopes)) or "no scope"
    return f"This needs a key with the scope {scope}; yours has {has}. Ask an administrator for another."


G = TypeVar("G", bound=Given)


def checked(given: type[G], arguments: dict[str, Any]) -> G:
    """The arguments as a value. Raises InvalidInput naming each wrong one and how to mend it."""
    try:
        return given.model_validate(arguments)
    except ValidationError as error:
        problems: dict[str, str | list[str]] = {}
        for one in error.errors(include_url=False, include_context=False, include_input=False)[
            :MOST_PROBLEMS
        ]:
            name = ".".join(str(part) for part in one["loc"]) or "arguments"
            said = one["msg"].removeprefix("Value error, ")
            if one["type"] == "extra_forbidden":
                said = f"There is no such argument; there are {', '.join(given.model_fields)}."
            problems.setdefault(name, said)
        raise InvalidInput(problems) from None


def _refusal(said: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=said)], isError=True)


def _listed(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        inputSchema=tool.given.model_json_schema(),
        outputSchema=tool.answer.model_json_schema(mode="serialization"),
        annotations=types.ToolAnnotations(
            title=tool.title,
            readOnlyHint=tool.only_reads,
            destructiveHint=False,
            idempotentHint=tool.only_reads or tool.may_repeat,
            openWorldHint=False,
        ),
    )


P = ParamSpec("P")
T = TypeVar("T")
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="mcp")


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The function for an event loop: it runs in a thread, which keeps no database connection."""

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            _pool, functools.partial(_closing, function, *args, **kwargs)
        )

    return call


def _closing(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()
