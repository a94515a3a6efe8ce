"""Saving definitions, checking them before, and their versions, over HTTP."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsOperator, IsViewer, RolePermission
from apps.accounts.api.throttles import CallerThrottle
from apps.accounts.models import Project
from apps.errors import InvalidInput, NotFound
from apps.workflows import definitions, differences, queries
from apps.workflows import document as documents
from apps.workflows.advance import document_of
from apps.workflows.api import definition_serializers as d
from apps.workflows.api import views
from apps.workflows.api.views import workflow_or_404
from apps.workflows.models import WorkflowVersion
from apps.workflows.services import Applied


def saved(applied: Applied) -> Response:
    """201 with its address for a new version, 200 when there was nothing to save."""
    slug, number = applied.workflow.slug, applied.version.number
    row = {
        "slug": slug,
        "name": applied.workflow.name,
        "version": number,
        "is_new_version": applied.is_new_version,
    }
    body = d.SavedSerializer(row).data
    if not applied.is_new_version:
        return Response(body)
    where = f"/api/v1/workflows/{slug}/versions/{number}/"
    return Response(body, status=status.HTTP_201_CREATED, headers={"Location": where})


class WorkflowsView(views.WorkflowsView):
    """The list, and its door for new ones."""

    @extend_schema(
        operation_id="create_workflow",
        tags=["workflows"],
        request=d.CreateWorkflowSerializer,
        responses={200: d.SavedSerializer, 201: d.SavedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Save a new workflow. 400 with `problems` by line, 409 when there is one with its slug."""
        given = d.CreateWorkflowSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        principal = principal_of(request)
        project = Project.objects.get(pk=principal.project_id)
        return saved(definitions.create(project, given.validated_data["source"], by=principal.username))


class ValidationThrottle(CallerThrottle):
    scope = "validation"


class ValidationView(GenericAPIView[WorkflowVersion]):
    permission_classes = (IsViewer,)
    throttle_classes = (ValidationThrottle,)
    serializer_class = d.ValidationSerializer

    @extend_schema(
        operation_id="validate_workflow",
        tags=["workflows"],
        request=d.ValidateSerializer,
        responses={200: d.ValidationSerializer},
    )
    def post(self, request: Request) -> Response:
        """What is wrong with a definition, by line, and what it means. Saves nothing."""
        given = d.ValidateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        project = Project.objects.get(pk=principal_of(request).project_id)
        source, slug = given.validated_data["source"], given.validated_data.get("workflow")
        checked = definitions.check(project, source, slug=slug)
        document = checked.document
        row: dict[str, Any] = {
            "valid": not checked.problems,
            "problems": [definitions.as_json(problem) for problem in checked.problems],
            "graph": None,
            "input_schema": None,
            "slug": None,
            "name": None,
            "description": None,
            "difference": None,
        }
        if document is not None:
            row["graph"] = {"steps": queries.defined_steps(document)}
            row["input_schema"] = document.input
            row |= {"slug": document.slug, "name": document.name, "description": document.description}
            if given.validated_data["compare"]:
                row["difference"] = _since_current(project, slug or document.slug, document, source)
        return Response(d.ValidationSerializer(row).data)


class WorkflowSchemaView(GenericAPIView[WorkflowVersion]):
    permission_classes = (IsViewer,)

    @extend_schema(
        operation_id="get_workflow_schema", tags=["workflows"], responses={200: OpenApiTypes.OBJECT}
    )
    def get(self, request: Request) -> Response:
        """The JSON Schema of a definition, for editors."""
        return Response(documents.json_schema())


class VersionsView(GenericAPIView[WorkflowVersion]):
    permission_classes = (RolePermission,)
    serializer_class = d.VersionRowSerializer
    queryset = WorkflowVersion.objects.none()
    ordering = ("-number", "-id")

    @extend_schema(
        operation_id="list_workflow_versions",
        tags=["workflows"],
        responses=d.VersionRowSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The versions of a workflow, newest first; the newest is the one that new runs take."""
        page = self.paginate_queryset(queries.versions(workflow_or_404(request, slug)))
        return self.get_paginated_response(d.VersionRowSerializer(page, many=True).data)

    @extend_schema(
        operation_id="save_workflow_version",
        tags=["workflows"],
        request=d.SaveVersionSerializer,
        responses={200: d.SavedSerializer, 201: d.SavedSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Save the next version. 200 when its text is that of the one there is, 400 with `problems`
        by line, 409 with `current` when somebody saved another one since `base_version`."""
        given = d.SaveVersionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return saved(
            definitions.save(
                workflow_or_404(request, slug),
                given.validated_data["source"],
                by=principal_of(request).username,
                base=given.validated_data.get("base_version"),
            )
        )


class VersionView(GenericAPIView[WorkflowVersion]):
    permission_classes = (IsViewer,)
    serializer_class = d.VersionSerializer

    @extend_schema(
        operation_id="get_workflow_version", tags=["workflows"], responses={200: d.VersionSerializer}
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """One version as it was written, and what it means."""
        version = version_or_404(request, slug, number)
        row = d.VersionRowSerializer(version).data
        return Response({**row, "source": version.source, "document": json.loads(version.document)})


class VersionDiffView(GenericAPIView[WorkflowVersion]):
    permission_classes = (IsViewer,)
    serializer_class = d.VersionDiffSerializer

    @extend_schema(
        operation_id="diff_workflow_versions",
        tags=["workflows"],
        parameters=[OpenApiParameter("to", int, description="The other version; without it the newest")],
        responses={200: d.VersionDiffSerializer},
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """What changed from this version to another, by meaning and by text."""
        before = version_or_404(request, slug, number)
        after = _to(request, before)
        names = (f"{slug} v{before.number}", f"{slug} v{after.number}")
        text = differences.text_between(before.source, after.source, *names)
        row = _difference(before, document_of(after), text)
        numbers = {"from_version": before.number, "to_version": after.number}
        return Response(d.VersionDiffSerializer(row | numbers).data)


class CurrentVersionView(GenericAPIView[WorkflowVersion]):
    permission_classes = (IsOperator,)
    serializer_class = d.SavedSerializer

    @extend_schema(
        operation_id="use_workflow_version",
        tags=["workflows"],
        request=None,
        responses={200: d.SavedSerializer, 201: d.SavedSerializer},
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Use this version again: its text is saved as the next version."""
        version = version_or_404(request, slug, number)
        return saved(definitions.use_again(version, by=principal_of(request).username))


def version_or_404(request: Request, slug: str, number: int) -> WorkflowVersion:
    """A version of one of the project's workflows. Raises NotFound."""
    version = queries.versions(workflow_or_404(request, slug)).defer(None).filter(number=number).first()
    if version is None:
        raise NotFound("The workflow has no such version.")
    return version


def _since_current(
    project: Project, slug: str, document: documents.Document, source: str
) -> dict[str, Any] | None:
    current = WorkflowVersion.objects.filter(workflow__project=project, workflow__slug=slug)
    newest = current.order_by("-number").first()
    if newest is None:
        return None
    text = differences.text_between(newest.source, source, f"{slug} v{newest.number}", slug)
    return _difference(newest, document, text) | {"current": newest}


def _difference(before: WorkflowVersion, after: documents.Document, text: str | None) -> dict[str, Any]:
    found = differences.between(document_of(before), after)
    return {"changes": found.fields, "steps": found.steps, "text": text} | {
        "text_only": differences.text_only(found, text)
    }


def _to(request: Request, before: WorkflowVersion) -> WorkflowVersion:
    said = request.query_params.get("to", "")
    others = WorkflowVersion.objects.filter(workflow=before.workflow_id).order_by("-number")
    if said:
        if not (said.isascii() and said.isdigit() and len(said) < 10):
            raise InvalidInput({"to": "Must be the number of a version."})
        others = others.filter(number=int(said))
    found = others.first()
    if found is None:
        raise InvalidInput({"to": "The workflow has no such version."})
    return found
