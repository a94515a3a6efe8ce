"""What the monitoring endpoints answer, for the OpenAPI document."""

from __future__ import annotations

from rest_framework import serializers as s

from apps.monitoring import models

LEVELS = models.AlertLevel.choices


class Stats(s.Serializer[object]):
    total_agents = s.IntegerField()
    active_agents = s.IntegerField(help_text="Neither offline nor paused")
    total_workflows = s.IntegerField(help_text="Runs ever started")
    running_workflows = s.IntegerField()
    total_commands = s.IntegerField(help_text="Commands in the catalogue")
    commands_executed_today = s.IntegerField(help_text="Since midnight in the server's time zone")
    storage_used_mb = s.FloatField(help_text="Megabytes the database takes")
    api_response_time_ms = s.FloatField(help_text="Median of the last five minutes")
    timestamp = s.DateTimeField()


class DashboardAgent(s.Serializer[object]):
    id = s.UUIDField()
    name = s.CharField()
    type = s.CharField()
    status = s.CharField(help_text="idle, busy, waiting, paused, error or offline")
    current_task = s.CharField(allow_null=True)
    last_active = s.DateTimeField()
    capabilities = s.ListField(child=s.CharField())
    connector = s.CharField()
    status_reason = s.CharField()
    last_error = s.CharField()
    paused = s.BooleanField()
    provenance = s.CharField(help_text="live, event or inferred: how its status is known; or empty")
    signal_at = s.DateTimeField(allow_null=True, help_text="When it was last heard of from outside")


class DashboardRun(s.Serializer[object]):
    id = s.UUIDField()
    name = s.CharField()
    status = s.CharField(help_text="queued, running, waiting, paused, completed, failed or cancelled")
    progress = s.IntegerField(min_value=0, max_value=100)
    started_at = s.DateTimeField()
    completed_at = s.DateTimeField(allow_null=True)
    current_step = s.IntegerField(help_text="From 1")
    number = s.IntegerField()
    workflow = s.CharField(help_text="The workflow's slug")
    total_steps = s.IntegerField()
    status_reason = s.CharField()


class OpenAlert(s.Serializer[object]):
    id = s.UUIDField()
    level = s.ChoiceField(choices=LEVELS)
    message = s.CharField()
    rule = s.CharField()
    url = s.CharField()
    state = s.CharField(help_text="open, acknowledged or resolved")
    opened_at = s.DateTimeField()


class Snapshot(s.Serializer[object]):
    epoch = s.UUIDField()
    seq = s.IntegerField()
    open_approvals = s.IntegerField()
    stats = Stats()
    agents = DashboardAgent(many=True)
    workflows = DashboardRun(many=True, help_text="The newest hundred")
    alerts = OpenAlert(many=True, help_text="The open ones")


class Health(s.Serializer[object]):
    status = s.ChoiceField(choices=("healthy", "degraded", "unhealthy"))
    timestamp = s.DateTimeField()
    database = s.ChoiceField(choices=("connected", "disconnected"))
    cache = s.ChoiceField(choices=("connected", "disconnected"))
    celery = s.ChoiceField(choices=("running", "stopped"))
    websocket = s.ChoiceField(choices=("available", "unavailable"))


class Alert(s.ModelSerializer[models.Alert]):
    class Meta:
        model = models.Alert
        fields = [
            "id", "level", "message", "rule", "url", "state", "count", "opened_at", "last_at",
            "acknowledged_at", "acknowledged_by", "resolved_at",
        ]  # fmt: skip


class Attention(s.Serializer[object]):
    kind = s.CharField(help_text="failed_runs, offline_agents, error_agents, alerts, waiting_approvals")
    level = s.ChoiceField(choices=LEVELS)
    count = s.IntegerField()
    title = s.CharField()
    url = s.CharField()


class Series(s.Serializer[object]):
    throughput = s.ListField(child=s.FloatField(allow_null=True))
    api_ms = s.ListField(child=s.FloatField(allow_null=True))
    cpu = s.ListField(child=s.FloatField(allow_null=True))
    memory = s.ListField(child=s.FloatField(allow_null=True))
    queue_depth = s.ListField(child=s.FloatField(allow_null=True))
    active_agents = s.ListField(child=s.FloatField(allow_null=True))
    running_workflows = s.ListField(child=s.FloatField(allow_null=True))


class Metrics(s.Serializer[object]):
    step_seconds = s.IntegerField()
    at = s.ListField(child=s.IntegerField(), help_text="Unix time of each point")
    series = Series()


class JournalEvent(s.Serializer[object]):
    seq = s.IntegerField()
    kind = s.CharField(help_text="For example run.started")
    type = s.CharField(help_text="The word on the socket; the fields beside it are that message's")
    entity = s.CharField()
    entity_id = s.UUIDField(allow_null=True)
    at = s.DateTimeField()


class JournalPage(s.Serializer[object]):
    results = JournalEvent(many=True)
    next = s.CharField(allow_null=True, help_text="Link to older events")


class Problem(s.Serializer[object]):
    type = s.CharField()
    title = s.CharField()
    status = s.IntegerField()
    detail = s.CharField()
