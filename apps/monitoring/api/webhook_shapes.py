"""What the webhooks API reads and writes, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from apps.agents.api.serializers import OverlapHours
from apps.monitoring.models import DeliveryState


class WebhookKind(s.Serializer[Any]):
    kind = s.CharField(help_text="What a webhook asks for: `run.finished`")
    type = s.CharField(help_text="The event's type when it is sent: `mc.run.finished`")
    says = s.CharField(help_text="What happened when it is sent")
    often = s.BooleanField(help_text="Once or more for every piece of work")


class Webhook(s.Serializer[Any]):
    id = s.UUIDField()
    name = s.CharField()
    url = s.CharField()
    events = s.ListField(child=s.CharField(), help_text="Kinds, `run.*` or `*`")
    enabled = s.BooleanField()
    disabled_reason = s.CharField(help_text="Why it was disabled by itself; empty when a person did")
    failing_since = s.DateTimeField(allow_null=True, help_text="Null: the newest try arrived")
    last_success_at = s.DateTimeField(allow_null=True)
    waiting = s.IntegerField(help_text="Deliveries that are due, or will be tried again")
    dead = s.IntegerField(help_text="Deliveries that were given up")
    secret_version = s.IntegerField()
    old_secret_until = s.DateTimeField(
        allow_null=True, help_text="Until then events are signed with the secret before, too"
    )
    owner = s.CharField(help_text="Who made it")
    created_at = s.DateTimeField()


class WebhookWithSecret(Webhook):
    secret = s.CharField(help_text="`whsec_…`, to verify with; shown this once")


class ChangeWebhook(s.Serializer[Any]):
    name = s.CharField(max_length=100)
    url = s.CharField(max_length=2000, help_text="Where to post to, https:// or http://")
    events = s.ListField(
        child=s.CharField(max_length=100), max_length=100, help_text="`run.finished`, `run.*` or `*`"
    )
    enabled = s.BooleanField(default=True, help_text="While it is not, nothing is written for it")


class RotateSecret(s.Serializer[Any]):
    overlap_hours = OverlapHours(
        default=24, help_text="So long events are signed with the old secret, too, 0 to 168"
    )


class WebhookTest(s.Serializer[Any]):
    ok = s.BooleanField(help_text="The receiver answered with a status from 200 to 299")
    status = s.IntegerField(allow_null=True, help_text="Null: there was no answer")
    ms = s.FloatField(help_text="How long it took")
    answer = s.CharField(help_text="The beginning of what was answered")
    error = s.CharField()


class WebhookDelivery(s.Serializer[Any]):
    id = s.UUIDField()
    event_id = s.CharField(help_text="The `webhook-id` of every try")
    type = s.CharField()
    subject = s.CharField()
    state = s.ChoiceField(choices=DeliveryState.choices)
    attempts = s.IntegerField()
    next_at = s.DateTimeField(allow_null=True, help_text="When it is tried next")
    last_status = s.IntegerField(allow_null=True, help_text="Null: there was no answer")
    last_ms = s.FloatField(allow_null=True)
    error = s.CharField()
    created_at = s.DateTimeField()
    sent_at = s.DateTimeField(allow_null=True)


class WebhookDeliveryDetail(WebhookDelivery):
    body = s.DictField(help_text="The CloudEvent that is sent")
    last_answer = s.CharField(help_text="The beginning of what was answered last")


class Resent(s.Serializer[Any]):
    resent = s.IntegerField(help_text="How many are sent again")
    left = s.IntegerField(help_text="How many are still dead: ask again")
