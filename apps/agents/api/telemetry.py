"""What agents' telemetry told, over HTTP: activities, spans and sessions. Read only."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsViewer
from apps.agents.api.agents import agent_or_404
from apps.agents.api.agents import one_of as one_of_given
from apps.agents.api.serializers import AgentBriefSerializer
from apps.agents.models import (
    Agent,
    CostSource,
    Session,
    SessionStatus,
    Span,
    SpanKind,
    SpanSource,
    SpanStatus,
)
from apps.agents.telemetry import activities, sessions
from apps.errors import InvalidInput, NotFound

TRACE, SPAN = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{16}")
MOST_SPANS_ON_PAGE = 500
LARGEST_ID = 2**63 - 1


class UsedTokensSerializer(serializers.Serializer[Any]):
    """Null where nothing told a number."""

    input = serializers.IntegerField(allow_null=True)
    output = serializers.IntegerField(allow_null=True)
    cache_read = serializers.IntegerField(allow_null=True)
    cache_write = serializers.IntegerField(allow_null=True)
    reasoning = serializers.IntegerField(allow_null=True, help_text="A part of the output")


class UseSerializer(serializers.Serializer[Any]):
    tokens = UsedTokensSerializer()
    cost_usd = serializers.FloatField(allow_null=True, help_text="What is known of it; null: nothing is")
    cost_source = serializers.ChoiceField(choices=CostSource.choices)
    unpriced_calls = serializers.IntegerField(help_text="Model calls whose cost nobody knows")


class ActivitySerializer(UseSerializer):
    trace_id = serializers.CharField()
    span_id = serializers.CharField(help_text="Of its root")
    agent = AgentBriefSerializer(allow_null=True)
    title = serializers.CharField(help_text="What the agent is at")
    name = serializers.CharField()
    session = serializers.CharField()
    status = serializers.ChoiceField(choices=SpanStatus.choices)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=SpanSource.choices, help_text="How we know of it"
    )
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    error_type = serializers.CharField()
    error = serializers.CharField()
    span_count = serializers.IntegerField()
    llm_count = serializers.IntegerField()
    tool_count = serializers.IntegerField()
    run_id = serializers.UUIDField(allow_null=True)
    command_run_id = serializers.UUIDField(allow_null=True)


class SpanRowSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    trace_id = serializers.CharField()
    span_id = serializers.CharField()
    parent_span_id = serializers.CharField()
    root_span_id = serializers.CharField(help_text="Of its activity; empty: it is part of none")
    agent = AgentBriefSerializer(allow_null=True)
    kind = serializers.ChoiceField(choices=SpanKind.choices)
    source = serializers.ChoiceField(choices=SpanSource.choices)  # type: ignore[assignment]
    status = serializers.ChoiceField(choices=SpanStatus.choices)
    name = serializers.CharField()
    title = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    session = serializers.CharField()
    provider = serializers.CharField()
    model = serializers.CharField()
    input_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)
    cache_read_tokens = serializers.IntegerField(allow_null=True)
    cache_write_tokens = serializers.IntegerField(allow_null=True)
    reasoning_tokens = serializers.IntegerField(allow_null=True)
    cost_usd = serializers.FloatField(allow_null=True)
    cost_source = serializers.ChoiceField(choices=CostSource.choices)
    tool = serializers.CharField()
    call_id = serializers.CharField()
    error_type = serializers.CharField()
    error = serializers.CharField()
    run_id = serializers.UUIDField(allow_null=True)
    step_id = serializers.UUIDField(allow_null=True)
    command_run_id = serializers.UUIDField(allow_null=True)


class DeepSpanSerializer(SpanRowSerializer):
    depth = serializers.IntegerField(help_text="0 for those on top")


class ActivityDetailSerializer(ActivitySerializer):
    truncated = serializers.BooleanField(help_text="It has more spans than are shown")
    spans = DeepSpanSerializer(many=True, help_text="Every span after its parent")


class RunSpansSerializer(serializers.Serializer[Any]):
    results = DeepSpanSerializer(many=True, help_text="Every span after its parent, the oldest first")
    more = serializers.BooleanField(help_text="It has more spans than are shown")


class SpanSerializer(SpanRowSerializer):
    duration_ms = serializers.FloatField(allow_null=True, help_text="Null while it has no end")
    seen_at = serializers.DateTimeField(help_text="When it was last heard of")
    attributes = serializers.DictField()
    resource = serializers.DictField()
    events = serializers.ListField()
    input = serializers.CharField()
    output = serializers.CharField()


class SessionAgentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class SessionFactsSerializer(serializers.Serializer[Any]):
    """Null where nothing told a number."""

    id = serializers.CharField(help_text="As its sender calls it")
    agents = SessionAgentSerializer(many=True, help_text="The first five in it")
    status = serializers.ChoiceField(choices=SessionStatus.choices)
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField(help_text="The newest start or end of its spans")
    errors = serializers.IntegerField(help_text="Activities that failed")  # type: ignore[assignment]
    input_tokens = serializers.IntegerField(allow_null=True)
    output_tokens = serializers.IntegerField(allow_null=True)
    cache_read_tokens = serializers.IntegerField(allow_null=True)
    cache_write_tokens = serializers.IntegerField(allow_null=True)
    reasoning_tokens = serializers.IntegerField(allow_null=True, help_text="A part of the output")
    cost_usd = serializers.FloatField(allow_null=True, help_text="What is known of it; null: nothing is")
    cost_source = serializers.ChoiceField(choices=CostSource.choices)
    unpriced_calls = serializers.IntegerField(help_text="Model calls whose cost nobody knows")


class SessionRowSerializer(SessionFactsSerializer):
    activities = serializers.IntegerField(help_text="How many activities it has")


class SessionSerializer(SessionFactsSerializer):
    activity_count = serializers.IntegerField()
    activities = ActivitySerializer(many=True, help_text="The newest of them")
    more = serializers.BooleanField(help_text="It has more activities than are shown")


class AgentActivitiesView(GenericAPIView[Span]):
    permission_classes = (IsViewer,)
    serializer_class = ActivitySerializer
    ordering = ("-started_at", "-id")
    queryset = Span.objects.none()

    @extend_schema(
        operation_id="list_activities_of_agent",
        tags=["telemetry"],
        parameters=[OpenApiParameter("status", enum=SpanStatus.values)],
        responses=ActivitySerializer(many=True),
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        """What the agent was at, as its telemetry told it, newest first."""
        agent = agent_or_404(request, agent_id)
        rows = activities.roots(agent.project_id).filter(agent=agent)
        if said := one_of_given(request, "status", SpanStatus.values):
            rows = rows.filter(status=said)
        page = activities.activity_rows(agent.project_id, self.paginate_queryset(rows) or [])
        return self.get_paginated_response(ActivitySerializer(page, many=True).data)


class ActivityView(GenericAPIView[Span]):
    permission_classes = (IsViewer,)
    serializer_class = ActivityDetailSerializer

    @extend_schema(operation_id="get_activity", tags=["telemetry"], responses=ActivityDetailSerializer)
    def get(self, request: Request, trace_id: str, span_id: str) -> Response:
        """One activity with its spans, for a waterfall."""
        found = None
        if TRACE.fullmatch(trace_id) and SPAN.fullmatch(span_id):
            found = activities.activity(principal_of(request).project_id, trace_id, span_id)
        if found is None:
            raise NotFound("There is no such activity in this project.")
        return Response(ActivityDetailSerializer(found).data)


class SpansView(GenericAPIView[Span]):
    permission_classes = (IsViewer,)
    serializer_class = SpanRowSerializer
    ordering = ("started_at", "id")
    queryset = Span.objects.none()

    @property
    def paginator(self) -> Any:
        """As every list, but a waterfall is read many spans at a time."""
        found: Any = super().paginator
        found.page_size = found.max_page_size = MOST_SPANS_ON_PAGE
        return found

    @extend_schema(
        operation_id="list_spans",
        tags=["telemetry"],
        parameters=[
            OpenApiParameter("run", UUID, description="What this run's agents did"),
            OpenApiParameter("command_run", UUID, description="What was done for this command run"),
            OpenApiParameter("trace", str, description="Spans of this trace, 32 hex digits"),
            OpenApiParameter("limit", int, description="Spans on a page, 1 to 500; default 500"),
        ],
        responses=SpanRowSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Spans of a run, of a command run or of a trace, oldest first. 400 without one of these."""
        rows = _chosen(request, principal_of(request).project_id)
        page = self.paginate_queryset(rows.select_related("agent")) or []
        found = [_row(span) for span in page]
        return self.get_paginated_response(SpanRowSerializer(found, many=True).data)


def _chosen(request: Request, project_id: UUID) -> QuerySet[Span]:
    for name, column in (("run", "run_id"), ("command_run", "command_run_id")):
        if said := request.query_params.get(name, ""):
            try:
                return activities.linked(project_id, column, UUID(said))
            except ValueError:
                raise InvalidInput({name: "Must be a UUID."}) from None
    said = request.query_params.get("trace", "").lower()
    if not said:
        raise InvalidInput({"run": "Name a run, a command_run or a trace whose spans are wanted."})
    if not TRACE.fullmatch(said):
        raise InvalidInput({"trace": "Must be 32 hex digits."})
    return activities.spans(project_id).filter(trace_id=said)


def _row(span: Span) -> dict[str, Any]:
    agent = span.agent
    named = {"agent__name": agent and agent.name, "agent__type": agent and agent.type}
    fields = {name: getattr(span, name) for name in (*activities.SPAN_FIELDS, "agent_id")}
    return activities.span_row(fields | named)


class SpanView(GenericAPIView[Span]):
    permission_classes = (IsViewer,)
    serializer_class = SpanSerializer

    @extend_schema(operation_id="get_span", tags=["telemetry"], responses=SpanSerializer)
    def get(self, request: Request, span_id: int) -> Response:
        """One span with its attributes, events, input and output."""
        found = None
        if span_id <= LARGEST_ID:
            found = activities.span_detail(principal_of(request).project_id, span_id)
        if found is None:
            raise NotFound("There is no such span in this project.")
        return Response(SpanSerializer(found).data)


class SessionsView(GenericAPIView[Session]):
    permission_classes = (IsViewer,)
    serializer_class = SessionRowSerializer
    ordering = ("-last_at", "-id")
    queryset = Session.objects.none()

    @extend_schema(
        operation_id="list_sessions",
        tags=["telemetry"],
        parameters=[
            OpenApiParameter("agent", UUID, description="Sessions that this agent took part in"),
            OpenApiParameter("q", str, description="In the session's id or the name of an agent in it"),
        ],
        responses=SessionRowSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Sessions: what several activities belong to, the newest first."""
        project_id = principal_of(request).project_id
        rows = sessions.sessions(
            project_id, _agent(request, project_id), request.query_params.get("q", "")[:100]
        )
        page = sessions.session_rows(project_id, self.paginate_queryset(rows) or [])
        return self.get_paginated_response(SessionRowSerializer(page, many=True).data)


def _agent(request: Request, project_id: UUID) -> Agent | None:
    said = request.query_params.get("agent", "")
    if not said:
        return None
    try:
        found = Agent.objects.filter(project_id=project_id, pk=UUID(said)).first()
    except ValueError:
        raise InvalidInput({"agent": "Must be a UUID."}) from None
    if found is None:
        raise InvalidInput({"agent": "There is no such agent in this project."})
    return found


class SessionView(GenericAPIView[Session]):
    permission_classes = (IsViewer,)
    serializer_class = SessionSerializer

    @extend_schema(operation_id="get_session", tags=["telemetry"], responses=SessionSerializer)
    def get(self, request: Request, session: str) -> Response:
        """One session with its newest activities and what it used."""
        found = sessions.session(principal_of(request).project_id, session)
        if found is None:
            raise NotFound("There is no such session in this project.")
        return Response(SessionSerializer(found).data)
