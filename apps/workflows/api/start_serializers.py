"""What the schedules and triggers API reads and writes, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.agents.api.serializers import OverlapHours
from apps.workflows.models import Misfire, Overlap, RunStatus, TickOutcome
from apps.workflows.schedules import MAX_CATCH_UP

PRIORITY = {"min_value": -100, "max_value": 100, "help_text": "Higher goes first"}


class StartedRunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=RunStatus.choices)


class TickSerializer(serializers.Serializer[Any]):
    """One moment of a schedule."""

    scheduled_for = serializers.DateTimeField()
    at = serializers.DateTimeField(help_text="When the engine dealt with it")
    outcome = serializers.ChoiceField(choices=TickOutcome.choices)
    detail = serializers.CharField()
    run = StartedRunSerializer(allow_null=True)


class ScheduleSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    workflow = serializers.CharField(help_text="The slug of its workflow")
    workflow_name = serializers.CharField()
    cron = serializers.CharField()
    description = serializers.CharField(help_text="The cron expression in words")
    time_zone = serializers.CharField()
    input = serializers.DictField()
    priority = serializers.IntegerField()
    enabled = serializers.BooleanField()
    misfire = serializers.ChoiceField(choices=Misfire.choices)
    catch_up_limit = serializers.IntegerField()
    overlap = serializers.ChoiceField(choices=Overlap.choices)
    next_at = serializers.DateTimeField(allow_null=True, help_text="Null while it is disabled")
    next_times = serializers.ListField(child=serializers.DateTimeField(), help_text="The next three moments")
    last = TickSerializer(allow_null=True, help_text="The newest moment and what came of it")
    last_problem = serializers.CharField(help_text="Why the last run could not start; empty when it could")
    owner = serializers.CharField(help_text="Who made or last changed it; its runs are requested by them")
    created_at = serializers.DateTimeField()


class ChangeScheduleSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    cron = serializers.CharField(
        max_length=100, help_text="Minute, hour, day of month, month, day of week: `0 9 * * MON-FRI`"
    )
    time_zone = serializers.CharField(max_length=64, default="UTC", help_text="IANA name: Europe/Berlin")
    input = serializers.DictField(default=dict, help_text="Must fit the workflow's schema")
    priority = serializers.IntegerField(default=0, **PRIORITY)  # type: ignore[arg-type]
    enabled = serializers.BooleanField(default=True)
    misfire = serializers.ChoiceField(
        choices=Misfire.choices,
        default=Misfire.ONCE,
        help_text="What becomes of moments that passed more than 60 s ago while no engine ran",
    )
    catch_up_limit = serializers.IntegerField(
        default=10, min_value=1, max_value=MAX_CATCH_UP, help_text="For catch_up: how many at most"
    )
    overlap = serializers.ChoiceField(
        choices=Overlap.choices,
        default=Overlap.SKIP,
        help_text="What happens at a moment when a run of the schedule is still open",
    )


class NewScheduleSerializer(ChangeScheduleSerializer):
    workflow = serializers.CharField(max_length=100, help_text="The slug of a workflow")


class PreviewSerializer(serializers.Serializer[Any]):
    cron = serializers.CharField(max_length=100)
    time_zone = serializers.CharField(max_length=64, default="UTC")


class PreviewedSerializer(serializers.Serializer[Any]):
    description = serializers.CharField(help_text="The cron expression in words")
    next_times = serializers.ListField(child=serializers.DateTimeField(), help_text="The next five moments")


class TriggerSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    workflow = serializers.CharField(help_text="The slug of its workflow")
    workflow_name = serializers.CharField()
    address = serializers.CharField(help_text="The path to post to")
    input = serializers.DictField(help_text="Empty: the body itself is the run's input")
    condition = serializers.CharField()
    priority = serializers.IntegerField()
    enabled = serializers.BooleanField()
    secret_version = serializers.IntegerField()
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before is good, too"
    )
    last_at = serializers.DateTimeField(allow_null=True, help_text="When the newest signed request came")
    last_result = serializers.CharField()
    owner = serializers.CharField(help_text="Who made or last changed it; its runs are requested by them")
    created_at = serializers.DateTimeField()


class TriggerWithSecretSerializer(TriggerSerializer):
    secret = serializers.CharField(help_text="`whsec_…`, to sign with; shown this once")


class RotateTriggerSecretSerializer(serializers.Serializer[Any]):
    overlap_hours = OverlapHours(
        default=0, help_text="So long requests signed with the old secret are taken, too, 0 to 168"
    )


class ChangeTriggerSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    input = serializers.DictField(
        default=dict,
        help_text="Texts may hold `${{ CEL }}` over body, headers and query; empty: the body itself",
    )
    condition = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=1000,
        help_text="CEL; a request for which it is false is answered 202 and starts nothing",
    )
    priority = serializers.IntegerField(default=0, **PRIORITY)  # type: ignore[arg-type]
    enabled = serializers.BooleanField(default=True)


class NewTriggerSerializer(ChangeTriggerSerializer):
    workflow = serializers.CharField(max_length=100, help_text="The slug of a workflow")


class DeliveredSerializer(serializers.Serializer[Any]):
    run_id = serializers.UUIDField(allow_null=True, help_text="Null when the condition was false")
    detail = serializers.CharField()
