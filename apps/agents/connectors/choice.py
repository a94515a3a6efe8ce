"""Which connector does a piece of work."""

from __future__ import annotations

from apps.agents.connectors.base import Connector, Work
from apps.agents.connectors.http_agent import HttpAgentConnector
from apps.agents.connectors.http_request import HttpConnector
from apps.agents.connectors.llm import connector_for


def connector_of(work: Work) -> Connector:
    """By the kind of the work, then by how its agent is reached."""
    if work.kind == "http":
        return HttpConnector()
    if work.connector == "http":
        return HttpAgentConnector()
    return connector_for(work.model)
