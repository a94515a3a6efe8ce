"""What runs ask people, and their answers, over HTTP."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAgentKey, IsOperator, IsViewer
from apps.accounts.principal import Principal
from apps.agents.api.agents import one_of
from apps.errors import InvalidInput, NotFound
from apps.workflows import approvals, notices, queries
from apps.workflows.api import serializers as s
from apps.workflows.approvals import Decider
from apps.workflows.models import Approval, ApprovalState, Notice, NoticeKind, Run

NOTICE_FIELDS = ("id", "kind", "state", "attempts", "error", "next_at", "created_at", "sent_at")
STATE = OpenApiParameter("state", enum=["open", "decided"])
RUN = OpenApiParameter("run", UUID, description="The id of a run")


class ApprovalsView(GenericAPIView[Approval]):
    permission_classes = (IsViewer,)
    serializer_class = s.ApprovalSerializer
    queryset = Approval.objects.none()
    ordering = ("-created_at", "-id")

    @extend_schema(
        operation_id="list_approvals",
        tags=["approvals"],
        parameters=[STATE, RUN],
        responses=s.ApprovalSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """What the project's runs ask people, newest first."""
        found = queries.approvals(principal_of(request).project_id)
        if said := one_of(request, "state", ["open", "decided"]):
            is_open = {"state": ApprovalState.OPEN}
            found = found.filter(**is_open) if said == "open" else found.exclude(**is_open)
        if run := request.query_params.get("run", ""):
            found = found.filter(run=_uuid(run))
        rows = [approval_row(request, approval) for approval in self.paginate_queryset(found) or []]
        return self.get_paginated_response(rows)


class ApprovalView(GenericAPIView[Approval]):
    permission_classes = (IsViewer | IsAgentKey,)
    serializer_class = s.ApprovalSerializer

    @extend_schema(operation_id="get_approval", tags=["approvals"], responses=s.ApprovalSerializer)
    def get(self, request: Request, approval_id: UUID) -> Response:
        """One question with its form, its decisions, and whether you may decide it. A key of agents sees
        those of its agents."""
        return Response(approval_row(request, _approval_or_404(request, approval_id)))


class ApprovalDecisionView(GenericAPIView[Approval]):
    permission_classes = (IsOperator,)
    serializer_class = s.ApprovalSerializer

    @extend_schema(
        operation_id="decide_approval",
        tags=["approvals"],
        request=s.DecideSerializer,
        responses={200: s.ApprovalSerializer},
    )
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Say yes or no, once. 409 with the first decision when it is decided, 403 when you started
        the run and may not decide it."""
        given = s.DecideSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        principal = principal_of(request)
        decided = approvals.decide(
            _approval_or_404(request, approval_id),
            approved=given.validated_data["approved"],
            who=decider(principal),
            comment=given.validated_data["comment"],
            option=given.validated_data["option"],
            fields=given.validated_data["fields"],
        )
        return Response(approval_row(request, decided))


class NoticeDeliveryView(GenericAPIView[Approval]):
    permission_classes = (IsOperator,)
    serializer_class = s.ApprovalSerializer

    @extend_schema(
        operation_id="send_notice_again",
        tags=["approvals"],
        request=None,
        responses={202: s.ApprovalSerializer},
    )
    def post(self, request: Request, approval_id: UUID, notice_id: UUID) -> Response:
        """Send a notice once more. What arrived already goes as a message of its own; 409 when the
        question is closed."""
        approval = _approval_or_404(request, approval_id)
        notices.send_again(approval, notice_id)
        return Response(approval_row(request, _approval_or_404(request, approval_id)), status=202)


def _approval_or_404(request: Request, approval_id: UUID) -> Approval:
    principal = principal_of(request)
    found = queries.approvals(principal.project_id).filter(pk=approval_id)
    if not (principal.can("read") or principal.can("operate")):
        found = found.filter(agent_id__isnull=False)
        found = found.filter(agent_id=principal.agent_id) if principal.agent_id else found
    approval = found.first()
    if approval is None:
        raise NotFound("There is no such approval in this project.")
    return approval


def approval_row(request: Request, approval: Approval) -> dict[str, Any]:
    principal = principal_of(request)
    why_not = approvals.why_not(approval, decider(principal))
    if not why_not and not principal.can("operate"):
        why_not = "Your role in this project does not allow deciding."
    row = {
        "id": approval.pk,
        "title": approval.title,
        "details": approval.details,
        "fields": approvals.form_of(approval),
        "state": approval.state,
        "min_approvals": approval.min_approvals,
        "decisions": list(approval.decisions.all()),
        "can_decide": not why_not,
        "why_not": why_not,
        "run": _run(approval.run) if approval.run is not None else None,
        "step": approval.step,
        "agent": {"id": approval.agent_id, "name": approval.agent_name} if approval.agent_id else None,
        "command_run": _command_run(approval),
        "options": approval.options,
        "answer": approvals.answer(approval),
        "requested_by": approval.requested_by,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "escalated_at": approval.escalated_at,
        "decided_at": approval.decided_at,
        "notices": [_notice(notice) for notice in approval.notices.all()],
    }
    body: dict[str, Any] = s.ApprovalSerializer(row).data
    return body


def _run(run: Run) -> dict[str, Any]:
    return {"id": run.pk, "name": run.name, "number": run.number, "workflow": run.workflow.slug}


def _command_run(approval: Approval) -> dict[str, Any] | None:
    """What the agent is at that asks; its title is the query's."""
    if approval.command_run_id is None:
        return None
    return {"id": approval.command_run_id, "title": getattr(approval, "command_run_title", None) or ""}


def _notice(notice: Notice) -> dict[str, Any]:
    row = {name: getattr(notice, name) for name in NOTICE_FIELDS}
    # A webhook's path is often its password.
    is_email = notice.kind == NoticeKind.EMAIL
    return row | {"target": notice.target if is_email else urlsplit(notice.target).netloc}


def decider(principal: Principal) -> Decider:
    """The caller as somebody who decides."""
    return Decider(principal.username, principal.key_id is not None, is_agent=principal.can("agent"))


def _uuid(text: str) -> UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidInput({"run": "Must be the id of a run."}) from None
