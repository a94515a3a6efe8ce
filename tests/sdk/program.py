"""A worker of the SDK as a process of its own, whose bodies tests steer with files.

`python program.py NAME SPOOL GATES [CONCURRENCY]`: a body notes its beginning in GATES; one that waits does
so until the file that its input names is there.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

from mission_control import Agent, Failed, Work

NAME, SPOOL, GATES = sys.argv[1], sys.argv[2], Path(sys.argv[3])
CONCURRENCY = int(sys.argv[4]) if len(sys.argv) > 4 else 1
pause = threading.Event()
agent = Agent(NAME, spool=SPOOL, concurrency=CONCURRENCY, grace_seconds=2.0)


def note(what: str) -> None:
    with (GATES / "notes").open("a") as file:
        file.write(what + "\n")


def is_open(gate: str) -> bool:
    return (GATES / gate).exists()


@agent.command("text.summarise", capabilities=["summarising"])
def summarise(work: Work) -> Any:
    """The text says what to do: `words …`, `wait GATE`, `ask`, `break`, `nan`, `chatter`, `deaf GATE`."""
    verb, _, rest = str(work.input["text"]).partition(" ")
    note(f"begin {work.id} {work.fence}")
    work.log(f"{work.command}: {verb}\x1b[31m\x00")
    if verb == "wait":
        while not is_open(rest):
            work.progress(40, f"waiting for {rest}")
            pause.wait(0.05)
        work.log("gate is open")
    elif verb == "deaf":
        while not is_open(rest):
            pause.wait(0.05)
    elif verb == "silent":
        while not is_open(rest):
            work.checkpoint()
            pause.wait(0.05)
    elif verb == "ask":
        said = work.ask("Which?", "Two ways", ["left", "right"])
        return {"text": f"{said.approved} {said.option} {said.comment}"}
    elif verb == "break":
        raise Failed("no disk \x00 left", code="no_disk")
    elif verb == "nan":
        return {"text": float("nan")}
    elif verb == "chatter":
        for number in range(int(rest)):
            work.log(f"line {number}")
            work.progress(number % 100)
    note(f"end {work.id} {work.fence}")
    work.usage(input_tokens=3, output_tokens=5, model="by-hand")
    return {"text": f"{len(rest.split())} words"}


@agent.command("text.extract_facts", capabilities=["analysis"])
async def extract(work: Work) -> Any:
    note(f"begin {work.id} {work.fence}")
    try:
        while not is_open(str(work.input.get("text", ""))):  # noqa: ASYNC110  (a file is no event)
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        note(f"cancelled {work.id}")
        raise
    return {"async": True}


if __name__ == "__main__":
    agent.run()
