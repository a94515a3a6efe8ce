"""The page behind a signed link: a question, its form, and two buttons. No script, no sign-in.

Looking decides nothing, because mail programs and scanners open links; only the form's POST does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from apps.errors import DomainError, InvalidInput
from apps.workflows import approvals, links, queries
from apps.workflows.approvals import MAX_COMMENT, Decider
from apps.workflows.models import Approval, ApprovalDecision, ApprovalState, Notice
from apps.workflows.plain import one_line, visible

PAGE = "workflows/decide.html"
KINDS = {"string": "text", "number": "number", "integer": "number", "boolean": "checkbox"}
LONG_TEXT = 200
PREFIX = "field-"


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an approval's form, as an input element shows it."""

    name: str
    label: str
    help: str
    kind: str  # text, textarea, number, checkbox or select
    options: list[tuple[str, bool]]
    value: str
    checked: bool
    required: bool
    step: str
    problem: str


# The token is the permission and no cookie is looked at, so another site has nothing to ride on.
# Nor could Django's check be passed: with no-referrer a browser posts `Origin: null`.
@method_decorator([csrf_exempt, never_cache], name="dispatch")
class DecideByLinkView(View):
    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The question, or how it was decided."""
        try:
            notice, approval = _opened(token)
        except DomainError as error:
            return _sorry(request, error)
        return _page(request, notice, approval)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Decide, once. 409 with the first decision when it is decided, 403 when the receiver of
        the link may not, 400 when the form does not fit."""
        try:
            notice, approval = _opened(token)
        except DomainError as error:
            return _sorry(request, error)
        said = request.POST.get("decision")
        comment = request.POST.get("comment", "").replace("\0", "").strip()[:MAX_COMMENT]
        if said not in ("approve", "reject"):
            return _page(request, notice, approval, status=400, problem="Press one of the two buttons.")
        try:
            decided = approvals.decide(
                approval,
                approved=said == "approve",
                who=Decider.by_link(notice),
                option=request.POST.get("option", ""),
                comment=comment,
                fields=_values(approvals.form_of(approval), request.POST),
            )
        except InvalidInput as error:
            return _page(request, notice, approval, status=400, errors=error.errors)
        except DomainError as error:
            current = queries.approvals(notice.project_id).get(pk=approval.pk)
            return _page(request, notice, current, status=error.problem_status, problem=str(error))
        return _page(request, notice, decided, done=True)


decide_by_link = DecideByLinkView.as_view()


def _opened(token: str) -> tuple[Notice, Approval]:
    notice = links.notice_of(token)
    return notice, queries.approvals(notice.project_id).get(pk=notice.approval_id)


def _sorry(request: HttpRequest, error: DomainError) -> HttpResponse:
    said = str(error) or (type(error).__doc__ or "").strip()
    return render(request, PAGE, {"heading": "This cannot be decided here", "problem": said},
                  status=error.problem_status)  # fmt: skip


def _page(
    request: HttpRequest,
    notice: Notice,
    approval: Approval,
    *,
    status: int = 200,
    problem: str = "",
    errors: Mapping[str, list[str]] | None = None,
    done: bool = False,
) -> HttpResponse:
    why_not = approvals.why_not(approval, Decider.by_link(notice))
    form = approvals.form_of(approval)
    fields, complex_ones = _fields(form, request.POST, errors or {})
    context = {
        "heading": one_line(approval.title),
        "details": visible(approval.details),
        "run": one_line(approval.asker),
        "requested_by": one_line(approval.requested_by),
        "expires_at": approval.expires_at if approval.state == ApprovalState.OPEN else None,
        "escalated": approval.escalated_at is not None,
        "is_open": not why_not,
        "why_not": why_not,
        "is_closed": approval.state != ApprovalState.OPEN,
        "state": approval.state,
        "decisions": [_said(one) for one in approval.decisions.all()],
        "missing": approvals.missing(approval),
        "address": one_line(Decider.by_link(notice).by),
        "options": [(visible(one), one, request.POST.get("option") == one) for one in approval.options],
        "option_problem": " ".join((errors or {}).get("option", ())),
        "fields": fields,
        "complex": complex_ones,
        "can_approve": not any(required for _, required in complex_ones),
        "comment": request.POST.get("comment", ""),
        "problem": problem or ("The form is not complete." if errors else ""),
        "others": _others(fields, errors or {}),
        "done": done,
    }  # fmt: skip
    return render(request, PAGE, context, status=status)


def _said(one: ApprovalDecision) -> dict[str, Any]:
    return {
        "by": one_line(one.by),
        "approved": one.approved,
        "option": one_line(one.option),
        "comment": visible(one.comment),
        "at": one.at,
    }


def _others(fields: list[Field], errors: Mapping[str, list[str]]) -> list[str]:
    """What is wrong with values that the page does not show."""
    shown = {"option", *(f"fields.{field.name}" for field in fields)}
    wrong = {name: said for name, said in errors.items() if name not in shown}
    return [f"{name.removeprefix('fields.')}: {' '.join(said)}" for name, said in wrong.items()]


def _fields(
    form: dict[str, Any], given: Mapping[str, str], errors: Mapping[str, list[str]]
) -> tuple[list[Field], list[tuple[str, bool]]]:
    """The form's simple values as fields, and the names of the others with whether they must be there."""
    required = set(form.get("required") or ())
    fields: list[Field] = []
    complex_ones: list[tuple[str, bool]] = []
    for name, schema in (form.get("properties") or {}).items():
        kind = _kind(schema)
        if not kind:
            complex_ones.append((one_line(str(schema.get("title") or name)), name in required))
            continue
        default = schema.get("default")
        value = given.get(PREFIX + name, "" if default is None else str(default))
        fields.append(
            Field(
                name=name,
                label=one_line(str(schema.get("title") or name)),
                help=one_line(str(schema.get("description") or "")),
                kind=kind,
                options=[(str(one), str(one) == value) for one in schema.get("enum") or ()],
                value=value,
                checked=(PREFIX + name in given) if given else default is True,
                required=name in required,
                step="1" if schema.get("type") == "integer" else "any",
                problem=" ".join(errors.get(f"fields.{name}", ())),
            )
        )
    return fields, complex_ones


def _kind(schema: Any) -> str:
    """How a value is asked for; empty when a plain form cannot."""
    if not isinstance(schema, dict):
        return ""
    enum = schema.get("enum")
    if enum:
        return "select" if all(isinstance(one, str | int | float) for one in enum) else ""
    wanted = schema.get("type")
    if wanted == "string" and schema.get("maxLength", LONG_TEXT + 1) > LONG_TEXT:
        return "textarea"
    return KINDS.get(wanted, "") if isinstance(wanted, str) else ""


def _values(form: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What was filled in, as the types of the form; what was left empty is not there."""
    values: dict[str, Any] = {}
    for name, schema in (form.get("properties") or {}).items():
        kind = _kind(schema)
        if kind == "checkbox":
            values[name] = PREFIX + name in given
        elif kind and (text := given.get(PREFIX + name, "").replace("\r\n", "\n")):
            values[name] = _typed(text, schema)
    return values


def _typed(text: str, schema: dict[str, Any]) -> Any:
    """The value a text stands for; the text itself when it stands for none, which the check names."""
    for one in schema.get("enum") or ():
        if str(one) == text:
            return one
    if schema.get("type") in ("number", "integer"):
        try:
            return int(text) if schema["type"] == "integer" else float(text)
        except ValueError:
            return text
    return text
