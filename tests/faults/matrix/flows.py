"""The four reference workflows, and what must have become of a run of each.

The texts tell the rig's own bodies what to do: `fault:<tag>:<step>:<behaviour>`. Steps of the agent
`writer` are executed by worker processes, those of `fault-hand` by the rig's pull agent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HAND = "Fault Hand"
TROUBLE = "${{ input.trouble }}"  # fail, silent or late: what the flow `retry` has to get over
OFTEN = {"attempts": 6, "backoff_seconds": 0.1, "max_backoff_seconds": 0.5}
INPUT = {
    "type": "object",
    "required": ["tag"],
    "properties": {"tag": {"type": "string"}, "trouble": {"type": "string", "default": "fail"}},
}


@dataclass(frozen=True)
class Flow:
    """One reference workflow. `ends` is each step's only right end; `after` whose output it quotes."""

    name: str
    steps: tuple[dict[str, Any], ...]
    ends: dict[str, str]
    status: str = "completed"
    quotes: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return f"fault-{self.name}"

    @property
    def document(self) -> dict[str, Any]:
        return {"name": f"Fault {self.name}", "slug": self.slug, "input": INPUT, "steps": list(self.steps)}

    @property
    def needs(self) -> dict[str, list[str]]:
        return {step["key"]: step.get("needs", []) for step in self.steps}


def work(key: str, behaviour: str = "ok", *, agent: str = "writer", after: str = "", **more: Any) -> Any:
    """A step that does `text.summarise`; with `after` it quotes the output of that step."""
    quote = f" quoting ${{{{ steps.{after}.output.text }}}}" if after else ""
    text = f"fault:${{{{ input.tag }}}}:{key}:{behaviour};{quote}"
    needs = {"needs": [after]} if after else {}
    shape = {"command": "text.summarise", "agent": agent, "with": {"text": text}, "retry": dict(OFTEN)}
    return {"key": key, **shape, **needs, **more}


LINE = ("s1", "s2", "s3", "s4", "s5")
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
                {"key": "ask", "approval": {"title": "Shall ${{ input.tag }} go on?"}},
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
    )
}
