"""What the agents API reads and writes, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.agents.models import AgentStatus, Connector, Provenance, RunStatus, WorkKind
from apps.agents.signatures import MOST_OVERLAP_HOURS

NAME = r"^[^\x00-\x1f\x7f]+$"


class OverlapHours(serializers.IntegerField):
    """For how many hours a secret stays good beside the one that takes its place."""

    def __init__(self, *, default: int, help_text: str) -> None:
        super().__init__(default=default, min_value=0, max_value=MOST_OVERLAP_HOURS, help_text=help_text)


class AgentRowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    type = serializers.CharField()
    description = serializers.CharField()
    capabilities = serializers.ListField(child=serializers.CharField())
    connector = serializers.ChoiceField(choices=Connector.choices)
    status = serializers.ChoiceField(choices=AgentStatus.choices)
    status_reason = serializers.CharField()
    current_task = serializers.CharField(allow_null=True)
    last_active = serializers.DateTimeField()
    last_error = serializers.CharField()
    paused = serializers.BooleanField()
    model = serializers.CharField(help_text="The model behind it; empty for a pull agent")
    demo = serializers.BooleanField(help_text="Driven by the built-in demo model")
    provenance = serializers.ChoiceField(
        choices=Provenance.choices,
        allow_blank=True,
        help_text="How we know its status: it said so, its telemetry told it or lets it be concluded;"
        " empty for agents that we work for ourselves",
    )
    signal_at = serializers.DateTimeField(allow_null=True, help_text="When we last heard of it from outside")
    external_id = serializers.CharField(allow_null=True, help_text="By which its telemetry is recognised")
    facts = serializers.DictField(
        child=serializers.JSONField(),
        help_text="What it says of itself: host, environment, version, framework",
    )


class TokensSerializer(serializers.Serializer[Any]):
    input = serializers.IntegerField(allow_null=True)
    output = serializers.IntegerField(allow_null=True)


class DayCountsSerializer(serializers.Serializer[Any]):
    completed_24h = serializers.IntegerField()
    failed_24h = serializers.IntegerField()


class AgentBriefSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class CommandRunRowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(
        choices=WorkKind.choices, help_text="http: a worker sends a request; there is no command and no agent"
    )
    command = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    agent = AgentBriefSerializer(allow_null=True)
    status = serializers.ChoiceField(choices=RunStatus.choices)
    wait_reason = serializers.CharField()
    priority = serializers.IntegerField(help_text="Higher goes first")
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    progress = serializers.IntegerField(min_value=0, max_value=100)
    message = serializers.CharField()
    error_code = serializers.CharField()
    tokens = TokensSerializer()
    cost_usd = serializers.FloatField(allow_null=True)
    model = serializers.CharField()
    demo = serializers.BooleanField()
    run_id = serializers.UUIDField(allow_null=True)
    step_id = serializers.UUIDField(allow_null=True)
    requested_by = serializers.CharField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class AttemptSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    fence = serializers.IntegerField()
    worker = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()
    error = serializers.CharField()


class CommandRunSerializer(CommandRunRowSerializer):
    fence = serializers.IntegerField(help_text="Grows with every claim; only its holder may write")
    lost_count = serializers.IntegerField(help_text="How often its holder went silent")
    dispatch_count = serializers.IntegerField(help_text="How often it was offered since it was queued")
    dispatched_at = serializers.DateTimeField(allow_null=True)
    gives_up_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is timed out if nobody took it by then"
    )
    timeout_at = serializers.DateTimeField(allow_null=True, help_text="When the running attempt is stopped")
    heartbeat_at = serializers.DateTimeField(allow_null=True, help_text="When its holder was last heard of")
    lease_expires_at = serializers.DateTimeField(allow_null=True)
    holder = serializers.CharField(help_text="The worker or agent that holds the lease; empty: nobody")
    input = serializers.JSONField()
    output = serializers.JSONField(allow_null=True)
    error = ErrorSerializer(allow_null=True)
    text = serializers.CharField(help_text="The newest part of what is being written")
    attempts = AttemptSerializer(many=True)


class AgentSerializer(AgentRowSerializer):
    instructions = serializers.CharField()
    max_parallel = serializers.IntegerField()
    endpoint = serializers.CharField(
        help_text="Where an agent of the connector http takes its work; empty for who may not know it"
    )
    counts = DayCountsSerializer()
    tokens_24h = TokensSerializer()
    current_command_run = CommandRunRowSerializer(allow_null=True)


class SecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Verify the signature of every call with it; shown this once")


class AgentWithSecretSerializer(AgentSerializer):
    secret = serializers.CharField(help_text="Verify the signature of every call with it; shown this once")


class EndpointAgentSerializer(serializers.Serializer[Any]):
    """An agent that is reached at an HTTP endpoint, as people describe it."""

    name = serializers.RegexField(NAME, max_length=100)
    type = serializers.RegexField(NAME, max_length=50, default="external")
    description = serializers.CharField(max_length=500, default="", allow_blank=True)
    capabilities = serializers.ListField(
        child=serializers.RegexField(NAME, max_length=100), max_length=100, default=list
    )
    connector = serializers.RegexField(
        "^http$", default="http", help_text="Always http: others make themselves known"
    )
    endpoint = serializers.CharField(max_length=2000, help_text="The address that its work is posted to")
    max_parallel = serializers.IntegerField(
        min_value=1, max_value=100, default=1, help_text="Command runs at a time"
    )


class CommandSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    capability = serializers.CharField()
    parameters = serializers.JSONField(help_text="JSON Schema of the input")
    prompt = serializers.CharField()
    timeout_seconds = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    agents = AgentBriefSerializer(many=True, help_text="Who can do it; empty for a key that may not read")


class StartCommandSerializer(serializers.Serializer[Any]):
    command = serializers.CharField(max_length=100, help_text="A name of the catalogue")
    input = serializers.DictField(required=False, default=dict)


class RegisterSerializer(serializers.Serializer[Any]):
    name = serializers.RegexField(NAME, max_length=100)
    type = serializers.RegexField(NAME, max_length=50, default="external")
    capabilities = serializers.ListField(
        child=serializers.RegexField(NAME, max_length=100), max_length=100, default=list
    )
    max_parallel = serializers.IntegerField(
        min_value=1, max_value=1000, required=False, help_text="Command runs at a time; without it as before"
    )


class RegisteredSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()


class HeartbeatSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["idle", "busy", "waiting", "error"], required=False)
    current_task = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True)


class HeartbeatAnswerSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=AgentStatus.choices)
    paused = serializers.BooleanField()


class ClaimedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    command = serializers.CharField()
    title = serializers.CharField()
    prompt = serializers.CharField()
    input = serializers.JSONField()
    fence = serializers.IntegerField()
    attempt = serializers.IntegerField()
    lease_seconds = serializers.FloatField()
    timeout_seconds = serializers.FloatField()
    traceparent = serializers.CharField(help_text="W3C trace context for the spans of this work")


class ClaimSerializer(serializers.Serializer[Any]):
    command_run = ClaimedSerializer()


class AcknowledgementSerializer(serializers.Serializer[Any]):
    fence = serializers.IntegerField(min_value=0)


class ProgressSerializer(serializers.Serializer[Any]):
    fence = serializers.IntegerField(min_value=0)
    progress = serializers.IntegerField(min_value=0, max_value=100)
    message = serializers.CharField(max_length=200, required=False, allow_blank=True)
    text = serializers.CharField(max_length=16_384, required=False, allow_blank=True, trim_whitespace=False)


class ProgressAnswerSerializer(serializers.Serializer[Any]):
    cancel = serializers.BooleanField()
    pause = serializers.BooleanField()


class ReportedErrorSerializer(serializers.Serializer[Any]):
    """An error as an agent may state it."""

    code = serializers.CharField(max_length=50, default="agent_error")
    message = serializers.CharField(max_length=4000)
    retryable = serializers.BooleanField(default=False)


class ResultSerializer(serializers.Serializer[Any]):
    """Exactly one of `output` and `error`; an `error` may also be a plain text."""

    fence = serializers.IntegerField(min_value=0)
    output = serializers.JSONField(required=False)
    error = serializers.JSONField(
        required=False, help_text="A text, or {code, message, retryable}; the work failed"
    )
    input_tokens = serializers.IntegerField(required=False, min_value=0, max_value=2_000_000_000)
    output_tokens = serializers.IntegerField(required=False, min_value=0, max_value=2_000_000_000)
    model = serializers.CharField(required=False, max_length=200, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("output" in attrs) == ("error" in attrs):
            raise serializers.ValidationError("Send either output or error.")
        if "error" in attrs:
            given = attrs["error"]
            inner = ReportedErrorSerializer(data={"message": given} if isinstance(given, str) else given)
            if not inner.is_valid():
                raise serializers.ValidationError({"error": inner.errors})
            attrs["error"] = inner.validated_data
        return attrs


class CommandRunStateSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
