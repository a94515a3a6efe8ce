"""Command runs over HTTP: lists, one run, cancellation, and what its agent reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsAgentKey, IsOperator, IsViewer
from apps.agents import lease, lines, queries, repeats, services
from apps.agents.api import serializers as s
from apps.agents.api.agents import one_of
from apps.agents.api.callbacks import REPORTERS, Callback
from apps.agents.api.overload import AgentThrottle
from apps.agents.connectors.base import Outcome
from apps.agents.events import CommandRunProgress
from apps.agents.lines import Said
from apps.agents.models import Agent, Command, CommandRun, Connector, RunStatus, WorkKind
from apps.agents.moves import Failure
from apps.errors import InvalidInput, NotFound, StaleFence
from apps.events import layer

BEGUN = "Begun"


def command_run_or_404(request: Request, command_run_id: UUID) -> CommandRun:
    """The project's command run. Raises NotFound, also for one of another project."""
    run = queries.command_runs(principal_of(request).project_id).filter(pk=command_run_id).first()
    if run is None:
        raise NotFound("There is no such command run in this project.")
    return run


def held_command_run(request: Request, command_run_id: UUID) -> CommandRun:
    """A command run of a pull agent this key may speak for, so far as it has one. Raises NotFound.

    One that waits again after its lease was taken back has no agent: its fence says that it is lost.
    What a worker of ours does has none either and is nobody's to report on.
    """
    run = command_run_or_404(request, command_run_id)
    caller = principal_of(request)
    if isinstance(caller, Callback):
        return _called_back(request, run, caller)
    bound = caller.agent_id
    agent: Agent | None = run.agent
    is_foreign = run.kind != WorkKind.COMMAND
    if agent is not None:
        is_foreign = agent.connector != Connector.PULL or (bound is not None and bound != agent.pk)
    if is_foreign:
        raise NotFound("There is no such command run among those of your agents.")
    return run


def _called_back(request: Request, run: CommandRun, caller: Callback) -> CommandRun:
    """The command run whose attempt this token was given with. Raises StaleFence for another attempt."""
    fence = request.data.get("fence", caller.fence) if isinstance(request.data, dict) else caller.fence
    if not caller.may_report(run.pk, fence):
        raise StaleFence("The callback token is of another attempt than the fence; nothing was written.")
    return run


class CommandRunsView(GenericAPIView[CommandRun]):
    permission_classes = (IsViewer,)
    serializer_class = s.CommandRunRowSerializer
    ordering = ("-queued_at", "-id")
    queryset = CommandRun.objects.none()

    @extend_schema(
        operation_id="list_command_runs",
        tags=["command runs"],
        parameters=[
            OpenApiParameter("status", enum=RunStatus.values),
            OpenApiParameter("agent", UUID),
            OpenApiParameter("command", str),
        ],
        responses=s.CommandRunRowSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The project's command runs, newest first."""
        rows = queries.command_runs(principal_of(request).project_id)
        if said := one_of(request, "status", RunStatus.values):
            rows = rows.filter(status=said)
        if said := request.query_params.get("agent", ""):
            rows = rows.filter(agent_id=_uuid("agent", said))
        if said := request.query_params.get("command", "")[:100]:
            rows = rows.filter(command__in=_command(principal_of(request).project_id, said))
        page = [queries.command_run_row(run) for run in self.paginate_queryset(rows) or []]
        return self.get_paginated_response(s.CommandRunRowSerializer(page, many=True).data)


def _command(project_id: UUID, name: str) -> list[UUID]:
    """Its id, or none: by ids the list is read in its order, by the name the whole history is sorted."""
    return list(Command.objects.filter(project=project_id, name=name).values_list("id", flat=True))


def _uuid(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise InvalidInput({name: "Must be a UUID."}) from None


class CommandRunView(GenericAPIView[CommandRun]):
    permission_classes = (IsViewer,)
    serializer_class = s.CommandRunSerializer

    @extend_schema(operation_id="get_command_run", tags=["command runs"], responses=s.CommandRunSerializer)
    def get(self, request: Request, command_run_id: UUID) -> Response:
        """One command run with its input, output and attempts."""
        run = command_run_or_404(request, command_run_id)
        return Response(s.CommandRunSerializer(queries.command_run_detail(run)).data)


class CommandRunCancellationView(GenericAPIView[CommandRun]):
    permission_classes = (IsOperator,)
    serializer_class = s.CommandRunStateSerializer

    @extend_schema(
        operation_id="cancel_command_run",
        tags=["command runs"],
        request=None,
        responses={202: s.CommandRunStateSerializer},
    )
    def post(self, request: Request, command_run_id: UUID) -> Response:
        """Cancel it: at once while it waits, through its holder while it runs. 409 when it is over."""
        run = lease.cancel(command_run_or_404(request, command_run_id).pk)
        body = s.CommandRunStateSerializer({"id": run.pk, "status": run.status}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)


class CommandRunAcknowledgementView(GenericAPIView[CommandRun]):
    authentication_classes = REPORTERS
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.AcknowledgementSerializer

    @extend_schema(
        operation_id="acknowledge_command_run",
        tags=["external agents"],
        request=s.AcknowledgementSerializer,
        responses=s.ProgressAnswerSerializer,
    )
    def post(self, request: Request, command_run_id: UUID) -> Response:
        """Say that the work has begun: the first report, without progress. Renews the lease; 409 when the
        fence is stale."""
        run = held_command_run(request, command_run_id)
        given = s.AcknowledgementSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = {"fence": given.validated_data["fence"]}
        return _reported(run, said if run.message or run.progress else {**said, "message": BEGUN})


class CommandRunProgressView(GenericAPIView[CommandRun]):
    authentication_classes = REPORTERS
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.ProgressSerializer

    @extend_schema(
        operation_id="report_progress",
        tags=["external agents"],
        request=s.ProgressSerializer,
        responses=s.ProgressAnswerSerializer,
    )
    def post(self, request: Request, command_run_id: UUID) -> Response:
        """Say how far it is; renews the lease. 409 when the fence is stale."""
        run = held_command_run(request, command_run_id)
        given = s.ProgressSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return _reported(run, given.validated_data)


def _reported(run: CommandRun, said: dict[str, Any]) -> Response:
    """Renew the lease, keep what is said, and answer whether to stop or pause. Raises StaleFence."""
    signal = lease.report(
        run.pk,
        said["fence"],
        progress=said.get("progress"),
        message=said.get("message"),
        text=said.get("text"),
    )
    if not signal.alive:
        raise StaleFence("The lease was taken back or the command run is over; stop working on it.")
    _tell(run, said)
    if said.get("message") and said["message"] != run.message:
        lines.append(run.pk, said["fence"], [Said(said["message"])])
    if run.agent is not None:
        services.agent_heartbeat(run.agent)
    return Response({"cancel": signal.cancel, "pause": signal.pause})


def _tell(run: CommandRun, said: dict[str, Any]) -> None:
    tick = CommandRunProgress(
        command_run_id=run.pk,
        run_id=run.run_id,
        step_id=run.step_id,
        agent_id=run.agent_id,
        progress=said.get("progress", run.progress),
        message=said.get("message", run.message),
        text=said.get("text", "")[-2048:],
        heartbeat_at=timezone.now(),
    )
    layer.push(run.project_id, tick.payload())


class CommandRunResultView(GenericAPIView[CommandRun]):
    authentication_classes = REPORTERS
    permission_classes = (IsAgentKey,)
    throttle_classes = (AgentThrottle,)
    serializer_class = s.ResultSerializer

    @extend_schema(
        operation_id="report_result",
        tags=["external agents"],
        request=s.ResultSerializer,
        responses=s.CommandRunStateSerializer,
    )
    def post(self, request: Request, command_run_id: UUID) -> Response:
        """Finish it with an output or an error. 409 when the fence is stale; nothing is written then.
        The same result again, because its reply was lost, is answered as the first time."""
        run = held_command_run(request, command_run_id)
        given = s.ResultSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        if "output" in said:
            output = said["output"] if isinstance(said["output"], dict) else {"value": said["output"]}
            outcome = Outcome(
                output=output,
                input_tokens=said.get("input_tokens"),
                output_tokens=said.get("output_tokens"),
                model=said["model"],
                demo=False,
            )
            ended = _once(
                lambda: lease.finish(run.pk, said["fence"], outcome),
                lambda: repeats.finished_so(run.pk, said["fence"], output),
            )
        else:
            error = said["error"]
            failure = Failure(error["code"], error["message"], retryable=error["retryable"])
            ended = _once(
                lambda: lease.fail(run.pk, said["fence"], failure),
                lambda: repeats.failed_so(run.pk, said["fence"], failure.message),
            )
        return Response({"id": str(ended.pk), "status": ended.status})


def _once(verb: Callable[[], CommandRun], done: Callable[[], CommandRun | None]) -> CommandRun:
    """Do it, or find that it was done by the same call before. Raises StaleFence."""
    try:
        return verb()
    except StaleFence:
        if (run := done()) is None:
            raise
        return run
