"""Documents with every kind of step: they are read, survive being stored, and errors name the fix."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from apps.workflows import document as documents
from apps.workflows import marked
from apps.workflows.document import DocumentError

EVERY = """\
name: Every kind
slug: every-kind
input: {type: object, properties: {repo: {type: string}}}
concurrency: {limit: 2, key: "${{ input.repo }}", then: reject}
steps:
  - key: list
    http:
      method: POST
      url: "https://example.com/${{ input.repo }}"
      headers: {X-Run: "${{ run.number }}"}
      body: {repo: "${{ input.repo }}"}
      accept: [200, 201]
    retry: {attempts: 4, jitter: 0, on: [http_503, timeout]}
    timeout_seconds: 5
  - key: each
    needs: [list]
    when: steps.list.output.status == 200
    map: {over: "${{ steps.list.output.body.files }}", limit: 4, on_item_failure: continue}
    command: code.review
    with: {file: "${{ item }}", at: "${{ item_index }}"}
    on_failure: {go_to: list, times: 2}
  - key: part
    needs: [each]
    map: {over: [a, b]}
    workflow: release
    with: {of: "${{ item }}"}
  - key: ask
    needs: [each]
    approval:
      title: Go?
      notify: {emails: [ops@example.com]}
      expires_seconds: 60
      on_expiry: escalate
      escalate: {webhooks: ["https://example.com/hook"], expires_seconds: 60, then: approve}
    on_failure: {go_to: mend}
  - key: mend
    command: code.fix
    with: {why: "${{ steps.ask.error.message }}"}
"""


def test_every_kind_of_step_is_read_and_survives_being_stored() -> None:
    document = documents.parse(EVERY)
    assert documents.restore(document.dump()) == document
    assert [step.kind for step in document.steps] == ["http", "map", "map", "approval", "command"]
    assert [step.body for step in document.steps] == ["http", "command", "workflow", "approval", "command"]
    as_json = json.dumps(json.loads(document.dump()))
    assert documents.checksum(documents.parse(as_json)) == documents.checksum(document)


def test_a_step_that_handles_failures_waits_for_those_it_handles() -> None:
    document = documents.parse(EVERY)
    assert document.handled == {"mend": ("ask",)}
    assert document.graph.needs["mend"] == ("ask",)
    assert document.goes_back(document.by_key["each"]) == "list"
    assert document.goes_back(document.by_key["ask"]) is None


def test_the_published_schema_takes_every_kind() -> None:
    schema = documents.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(marked.load(EVERY).value)
    steps: list[dict[str, Any]] = [
        {"key": "a", "wait": {"seconds": 1}, "map": {"over": []}},
        {"key": "a", "command": "x", "workflow": "y"},
        {"key": "a", "command": "x", "map": {}},
        {"key": "a", "http": {}},
        {"key": "a", "command": "x", "on_failure": {"goto": "b"}},
        {"key": "a", "command": "x", "retry": {"jitter": 2}},
    ]
    for step in steps:
        assert not validator.is_valid({"name": "x", "slug": "x", "steps": [step]})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "go_to: list",
            "go_to: lost",
            "line 21: steps[1].on_failure.go_to: there is no step 'lost'; did you",
        ),
        (
            "{go_to: mend}",
            "{go_to: mend, times: 3}",
            "line 35: steps[3].on_failure.times: 'mend' is not before",
        ),
        (
            "{go_to: mend}",
            "explode",
            "line 35: steps[3].on_failure: must be 'fail' or 'continue', or a mapping",
        ),
        ("{go_to: mend}", "7", "steps[3].on_failure: "),
        ("{go_to: mend}", "{goto: mend}", "unknown field 'goto'; did you mean 'go_to'?"),
        ("times: 2", "times: 0", "steps[1].on_failure.times: must be greater than or equal to 1"),
        (
            '"${{ steps.list.output.body.files }}"',
            '"the ${{ input.repo }}"',
            "line 18: steps[1].map.over: must be a list, or text with one ${{ expression }}",
        ),
        (
            'over: "${{ steps.list.output.body.files }}", ',
            "",
            "line 18: steps[1].map.over: this field is req",
        ),
        ("[a, b]", "7", "line 24: steps[2].map.over: must be a list, or text"),
        ("[a, b]", '["${{ item }}"]', "line 24: steps[2].map.over[0]: item and item_index are known in the"),
        ("steps.list.output.status == 200", "item == 1", "judged once, before there are items"),
        (
            'input.repo }}"\n      headers',
            'item }}"\n      headers',
            "steps[0].http.url: item and item_index",
        ),
        ("over: [a, b]", "ovr: [a, b]", "unknown field 'ovr'; did you mean 'over'?"),
        ("limit: 4", "limit: 0", "line 18: steps[1].map.limit: must be greater"),
        (
            "workflow: release",
            "workflow: every-kind",
            "line 25: steps[2].workflow: a workflow cannot be a step of",
        ),
        ("workflow: release", "workflow: Rel Ease", "steps[2].workflow: a slug is lower-case words"),
        (
            "https://example.com/$",
            "ftp://example.com/$",
            "line 9: steps[0].http.url: must begin with https://",
        ),
        ("method: POST", "method: FETCH", "line 8: steps[0].http.method: must be 'GET'"),
        ("method: POST", "method: GET", "line 11: steps[0].http.body: GET sends no body: use POST"),
        ("X-Run", "Host", "line 10: steps[0].http.headers.Host: Host is set by the product"),
        ("X-Run", "X Run", "this is not the name of a header"),
        ("[200, 201]", "[99]", "steps[0].http.accept[0]: must be greater than or equal to 100"),
        ("jitter: 0", "jitter: 2", "line 13: steps[0].retry.jitter: must be less than or equal to 1"),
        ("jitter: 0", "jiter: 0", "unknown field 'jiter'; did you mean 'jitter'?"),
        ("on: [http_503, timeout]", "on: []", "steps[0].retry.on: "),
        ("limit: 2,", "", "line 4: concurrency.limit: this field is required"),
        ("then: reject}", "then: wait}", "line 4: concurrency.then: must be 'queue', 'reject' or 'cancel_r"),
        ('key: "${{ input.repo }}"', 'key: "${{ steps.list.output }}"', "no step has run by then: use input"),
        (
            'key: "${{ input.repo }}"',
            'key: "${{ inptu.repo }}"',
            "line 4: concurrency.key: unknown name 'inptu'",
        ),
        ("ops@example.com", "ops", "line 31: steps[3].approval.notify.emails[0]: must be an e-mail address"),
        ("https://example.com/hook", "hook", "steps[3].approval.escalate.webhooks[0]: must be a URL"),
        ("on_expiry: escalate", "on_expiry: reject", "it happens only with on_expiry: escalate"),
        ("      expires_seconds: 60\n", "", "line 32: steps[3].approval.on_expiry: it never expires"),
        ("emails: [ops@", "email: [ops@", "unknown field 'email'; did you mean 'emails'?"),
        ("    command: code.fix", "    wait: {seconds: 1}\n    map: {over: [1]}", "a wait is no map"),
        (
            "    command: code.fix",
            "    command: code.fix\n    needs: [part]\n    on_failure: {go_to: part}",
            "",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_path_and_fix(old: str, new: str, said: str) -> None:
    assert EVERY.count(old) == 1
    changed = EVERY.replace(old, new)
    if not said:
        documents.parse(changed)
        return
    with pytest.raises(DocumentError) as caught:
        documents.parse(changed)
    assert said in str(caught.value)


def test_steps_that_handle_each_other_s_failures_in_a_circle_are_refused() -> None:
    text = """\
name: N
slug: n
steps:
  - {key: a, command: x, on_failure: {go_to: b}}
  - {key: b, command: x, on_failure: {go_to: c}}
  - {key: c, command: x, on_failure: {go_to: a}}
"""
    with pytest.raises(DocumentError, match="a step waits for those whose failure it handles") as caught:
        documents.parse(text)
    assert caught.value.problems[0].line in (4, 5, 6)


def test_a_macro_may_call_its_variable_item_anywhere() -> None:
    text = """\
name: N
slug: n
steps:
  - {key: a, command: x, with: {all: "${{ [1, 2].map(item, item + 1) }}"}}
"""
    assert documents.parse(text).steps[0].with_
