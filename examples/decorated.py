#!/usr/bin/env python3
"""An agent by a decorator: pip install ./sdk/python, then MC_KEY=mc_… python examples/decorated.py"""

from mission_control import Agent, Work

agent = Agent("decorated-agent")


@agent.command("text.summarise", capabilities=["summarising"])
def summarise(work: Work) -> dict[str, str]:
    words = work.input["text"].split()
    work.progress(50, f"counting {len(words)} words")
    return {"text": f"{len(words)} words, the longest is {max(words, key=len, default='none')}"}


if __name__ == "__main__":
    agent.run()
