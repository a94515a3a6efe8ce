"""Agents in Python for Mission Control.

from mission_control import Agent

agent = Agent("my-agent")

@agent.command("text.summarise", capabilities=["summarising"])
def summarise(work):
    work.progress(50, "reading")
    return {"text": work.input["text"][:200]}

agent.run()
"""

from mission_control.agent import Agent
from mission_control.client import Client
from mission_control.errors import Cancelled, Failed, MissionControlError, Refused, Unreachable
from mission_control.work import Decision, Work

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "Cancelled",
    "Client",
    "Decision",
    "Failed",
    "MissionControlError",
    "Refused",
    "Unreachable",
    "Work",
    "__version__",
]
