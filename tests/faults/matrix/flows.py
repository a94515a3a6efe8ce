"""The reference workflows, and what must have become of a run of each.

The texts tell the rig's own bodies what to do: `fault:<tag>:<step>:<behaviour>`. Steps of the agent
`writer` are executed by worker processes, those of `fault-hand` and `fault-guest` by the rig's pull
agents, those of `fault-server` by its HTTP agent, which calls back. RECEIVER stands for the address
of the rig's own server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HAND = "Fault Hand"
GUEST = "Fault Guest"  # takes work only when the rig says so
SERVER = "Fault Server"
RECEIVER = "http://receiver.invalid"
TROUBLE = "${{ input.trouble }}"  # fail, silent or late: what the flow `retry` has to get over
OFTEN = {"attempts": 6, "backoff_seconds": 0.1, "max_backoff_seconds": 0.5}
INPUT = {
    "type": "object",
    "required": ["tag"],
    "properties": {
        "tag": {"type": "string"},
        "trouble": {"type": "string", "default": "fail"},
        "group": {"type": "string", "default": ""},
    },
}


@dataclass(frozen=True)
class Flow:
    """One reference workflow. `ends` is each step's only right end (or `one|other`), `quotes` whose
    output it quotes, `parts` which steps are done by runs of which workflow. `more` is added to its
    definition; for `still` seconds nothing of it moves although nothing is wrong."""

    name: str
    steps: tuple[dict[str, Any], ...]
    ends: dict[str, str]
    status: str = "completed"
    quotes: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    still: float = 0.0

    @property
    def slug(self) -> str:
        return f"fault-{self.name}"

    @property
    def document(self) -> dict[str, Any]:
        shape = {"name": f"Fault {self.name}", "slug": self.slug, "input": INPUT, **self.more}
        return {**shape, "steps": list(self.steps)}

    @property
    def needs(self) -> dict[str, list[str]]:
        return {step["key"]: step.get("needs", []) for step in self.steps}

    @property
    def lists(self) -> dict[str, tuple[int, int]]:
        """The steps that are done for each item of a list: how many items, how many at a time."""
        maps = {step["key"]: step["map"] for step in self.steps if "map" in step}
        return {key: (len(mapped["over"]), mapped["limit"]) for key, mapped in maps.items()}

    @property
    def requests(self) -> list[str]:
        return [step["key"] for step in self.steps if "http" in step]

    @property
    def all_ends(self) -> dict[str, str]:
        """`ends` with a line for each item, which is called `key#index`; an item ends as its list."""
        items = {
            f"{key}#{index}": self.ends[key]
            for key, (count, _) in self.lists.items()
            for index in range(count)
        }
        return {**self.ends, **items}


def work(key: str, behaviour: str = "ok", *, agent: str = "writer", after: str = "", **more: Any) -> Any:
    """A step that does `text.summarise`; with `after` it quotes the output of that step."""
    quote = f" quoting ${{{{ steps.{after}.output.text }}}}" if after else ""
    text = f"fault:${{{{ input.tag }}}}:{key}:{behaviour};{quote}"
    needs = {"needs": [after]} if after else {}
    shape = {"command": "text.summarise", "agent": agent, "with": {"text": text}, "retry": dict(OFTEN)}
    return {"key": key, **shape, **needs, **more}


def request(key: str, **more: Any) -> Any:
    """A step that asks the rig's server for an effect, which that server notes by its key."""
    body = {"tag": "${{ input.tag }}", "step": key}
    ask = {"method": "POST", "url": f"{RECEIVER}/effects", "body": {**body, **more.pop("body", {})}}
    return {"key": key, "http": ask, "retry": dict(OFTEN), **more}


LINE = ("s1", "s2", "s3", "s4", "s5")
NOTIFY = {"webhooks": [f"{RECEIVER}/notices", f"{RECEIVER}/refusing"]}
FAN = tuple(f"b{number}" for number in range(8))

FLOWS = {
    flow.name: flow
    for flow in (
        Flow(
            "line",
            (
                work("s1"),
                work("s2", after="s1"),
                work("s3", "slow", after="s2"),
                work("s4", agent="fault-hand", after="s3"),
                work("s5", after="s4"),
            ),
            dict.fromkeys(LINE, "completed"),
            quotes=dict(zip(LINE[1:], LINE, strict=False)),
        ),
        Flow(
            "fan",
            (*[work(key) for key in FAN], work("join", needs=list(FAN))),
            dict.fromkeys((*FAN, "join"), "completed"),
        ),
        Flow(
            "retry",
            (
                work("shaky", f"{TROUBLE}-once", agent="fault-hand"),
                work(
                    "late",
                    "${{ input.trouble }}-then",
                    agent="fault-hand",
                    after="shaky",
                    timeout_seconds=1.5,
                ),
                work("steady", "slow", after="late"),
            ),
            dict.fromkeys(("shaky", "late", "steady"), "completed"),
            quotes={"late": "shaky", "steady": "late"},
        ),
        Flow(
            "people",
            (
                {"key": "ask", "approval": {"title": "Shall ${{ input.tag }} go on?", "notify": NOTIFY}},
                {"key": "rest", "wait": {"seconds": 0.5}},
                work("go", needs=["ask", "rest"]),
                work("held", "hold", agent="fault-hand", after="go"),
                work("never", after="held"),
            ),
            {
                "ask": "completed",
                "rest": "completed",
                "go": "completed",
                "held": "cancelled",
                "never": "cancelled",
            },
            status="cancelled",
            quotes={"held": "go"},
        ),
        Flow(
            "list",
            (
                work("first"),
                request(
                    "send",
                    needs=["first"],
                    map={"over": ["a", "b", "c", "d", "e", "f"], "limit": 2},
                    body={"item": "${{ item_index }}", "quoting": "${{ steps.first.output.text }}"},
                ),
                work("told", agent="fault-server", needs=["send"]),
            ),
            dict.fromkeys(("first", "send", "told"), "completed"),
            quotes={"send": "first"},
        ),
        Flow(
            "nested",
            (
                {
                    "key": "each",
                    "map": {"over": ["fail-once", "break-once", "ok"], "limit": 2},
                    "workflow": "fault-part",
                    "with": {
                        "tag": "${{ input.tag }}-${{ item_index }}",
                        "trouble": "${{ item }}",
                        "group": "${{ input.tag }}",
                    },
                    "retry": dict(OFTEN),
                },
                work("last", needs=["each"]),
            ),
            {"each": "completed", "last": "completed"},
            parts={"each": "part"},
        ),
        # What a pause takes back before anybody took it: from an agent that does not come for it.
        Flow(
            "recalled",
            (work("offered", agent="fault-guest"), work("then", after="offered")),
            {"offered": "completed", "then": "completed"},
            quotes={"then": "offered"},
        ),
        # The first message is lost, and the work is published again.
        Flow(
            "republished",
            (work("once"), work("then", after="once")),
            {"once": "completed", "then": "completed"},
            quotes={"then": "once"},
        ),
        # The worker is told to stop while it works, and gives the work back when it may wait no more.
        Flow(
            "stopping",
            (work("long", "long-once"), work("then", after="long")),
            {"long": "completed", "then": "completed"},
            quotes={"then": "long"},
            still=22.0,
        ),
        # An agent with an endpoint takes the work and is never heard of again; somebody cancels it.
        Flow(
            "called",
            (work("kept", "hold", agent="fault-server"),),
            {"kept": "cancelled"},
            status="cancelled",
        ),
        # What is given up: work that nobody takes, a run that could not begin or not in time, a run
        # without an end.
        Flow(
            "late",
            (
                work("nobody", agent="fault-guest", queue_timeout_seconds=1, on_failure="continue"),
                {"key": "wrong", "workflow": "fault-part", "with": {"tag": 1}, "on_failure": "continue"},
                {
                    "key": "tardy",
                    "workflow": "fault-part",
                    "with": {"tag": "${{ input.tag }}", "group": "${{ input.tag }}"},
                    "queue_timeout_seconds": 1e-6,
                    "on_failure": "continue",
                },
                work("held", "hold", agent="fault-hand", needs=["nobody", "wrong", "tardy"]),
            ),
            {
                "nobody": "timed_out|cancelled",
                "wrong": "failed|cancelled",
                "tardy": "timed_out|cancelled",
                "held": "cancelled|skipped",
            },
            status="failed",
            more={"timeout_seconds": 5},
        ),
    )
}

# Workflows that only the steps of others start. `limit` makes the runs of one list wait for each other.
PARTS = {
    flow.name: flow
    for flow in (
        Flow(
            "part",
            (request("ask"), work("do", TROUBLE, agent="fault-hand", needs=["ask"])),
            {"ask": "completed", "do": "completed"},
            more={
                "concurrency": {"limit": 1, "key": "${{ input.group }}", "then": "queue"},
                "output": {"text": "${{ steps.do.output.text }}"},
            },
        ),
    )
}
# How the steps of such a run end when it fails and has to be repeated.
BROKEN = {"part": {"ask": "completed", "do": "failed"}}
