"""Definitions: what is wrong is said by line, path and fix; what is right survives unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows import document as documents
from apps.workflows import inputs
from apps.workflows.document import DocumentError
from apps.workflows.services import LIBRARY

GOOD = """\
name: Bug Lifecycle
slug: bug-lifecycle
input:
  type: object
  required: [report]
  properties:
    report: {type: string, pattern: "^[A-Z]"}
steps:
  - key: triage
    command: bug.triage
    with: {report: "${{ input.report }}"}
  - key: fix
    command: bug.fix
    needs: [triage]
    when: steps.triage.status == 'completed'
    with: {text: "${{ steps.triage.output.text }}"}
    retry: {attempts: 2}
    timeout_seconds: 10
    on_failure: continue
output: {summary: "${{ steps.fix.output }}"}
"""


def test_a_good_document_is_read_and_survives_being_stored() -> None:
    document = documents.parse(GOOD)
    assert document.by_key["fix"].title == "Fix"
    assert documents.restore(document.dump()) == document
    assert list(document.input) == ["type", "required", "properties"]
    assert document.sees["fix"] == {"triage"}


def test_the_same_document_as_json_or_with_remarks_has_the_same_checksum() -> None:
    document = documents.parse(GOOD)
    as_json = json.dumps(json.loads(document.dump()), indent="\t")
    assert documents.checksum(documents.parse(as_json)) == documents.checksum(document)
    assert documents.checksum(documents.parse("# note\n" + GOOD)) == documents.checksum(document)
    other = documents.parse(GOOD.replace("attempts: 2", "attempts: 3"))
    assert documents.checksum(other) != documents.checksum(document)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("slug: bug-lifecycle\n", "", "line 1: slug: this field is required"),
        ("name: Bug Lifecycle", "name: 12", "line 1: name: must be text; put it in quotes"),
        ("bug-lifecycle", "Bug_Lifecycle", "line 2: slug: a slug is lower-case words joined by -"),
        (
            "timeout_seconds",
            "timout_seconds",
            "line 18: steps[1].timout_seconds: unknown field 'timout_seconds'; did you mean 'timeout_",
        ),
        (
            "attempts: 2",
            "attempts: 0",
            "line 17: steps[1].retry.attempts: must be greater than or equal to 1",
        ),
        ("attempts: 2", "attempt: 2", "unknown field 'attempt'; did you mean 'attempts'?"),
        (
            "on_failure: continue",
            "on_failure: explode",
            "line 19: steps[1].on_failure: must be 'fail' or 'continue'",
        ),
        ("key: fix", "key: Fix-It", "line 12: steps[1].key: a key is lower-case letters"),
        ("key: fix", "key: triage", "line 12: steps[1].key: there are two steps 'triage'"),
        ("key: fix", "key: in", "line 12: steps[1].key: 'in' is a word of CEL"),
        (
            "needs: [triage]",
            "needs: [triagee]",
            "line 14: steps[1].needs[0]: there is no step 'triagee'; did you mean 'triage'?",
        ),
        ("needs: [triage]", "needs: triage", "line 14: steps[1].needs: must be a valid list"),
        (
            "command: bug.triage",
            "command: bug.triage\n    needs: [fix]",
            "steps need each other in a circle: triage → fix → triage",
        ),
        (
            "needs: [triage]\n",
            "needs: []\n",
            "line 15: steps[1].when: step 'triage' may not be over before 'fix': add 'triage' to the needs",
        ),
        (
            "steps.triage.output",
            "steps.triag.output",
            "line 16: steps[1].with.text: there is no step 'triag'; did you mean 'triage'?",
        ),
        ("steps.triage.status", "stepz.triage.status", "line 15: steps[1].when: unknown name 'stepz'"),
        ("${{ input.report }}", "${{ input. }}", "line 11: steps[0].with.report: not a CEL expression"),
        ("${{ input.report }}", "${{ input.report", "has no closing `}}`"),
        ("steps.fix.output", "steps.nix.output", "line 20: output.summary: there is no step 'nix'"),
        ("type: string", "type: strin", "line 7: input.properties.report.type: 'strin' is not valid"),
        (
            "type: string",
            "$ref: 'http://10.0.0.1/'",
            "line 7: input.properties.report.$ref: $ref is not allowed",
        ),
        ("^[A-Z]", "(?=x)", "line 7: input.properties.report.pattern: this is not a regular expression"),
        ("  type: object", "  type: array", "line 4: input.type: the input of a run is an object"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_path_and_fix(old: str, new: str, said: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(DocumentError) as caught:
        documents.parse(GOOD.replace(old, new, 1))
    assert said in str(caught.value)


WAITS = """\
name: Guarded
slug: guarded
steps:
  - key: ask
    approval:
      title: "Go, ${{ run.name }}?"
      fields: {type: object, properties: {why: {type: string}}}
      expires_seconds: 60
      on_expiry: approve
  - key: rest
    needs: [ask]
    wait: {until: "${{ steps.ask.output.fields.why }}"}
"""


def test_approvals_and_waits_are_read_and_survive_being_stored() -> None:
    document = documents.parse(WAITS)
    assert documents.restore(document.dump()) == document
    assert [step.kind for step in document.steps] == ["approval", "wait"]
    assert document.can_wait
    assert not documents.parse(GOOD).can_wait
    assert document.sees["rest"] == {"ask"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("expires_seconds: 60", "expires: 60", "line 8: steps[0].approval.expires: unknown field 'expires'"),
        ("      title:", "      titel:", "steps[0].approval.title: this field is required"),
        (
            "      expires_seconds: 60\n",
            "",
            "line 8: steps[0].approval.on_expiry: it never expires: say expires_seconds too",
        ),
        ("type: string", "type: strin", "line 7: steps[0].approval.fields.properties.why.type: 'strin' is"),
        ("run.name", "rum.name", "line 6: steps[0].approval.title: unknown name 'rum'"),
        (
            "steps.ask",
            "steps.aks",
            "line 12: steps[1].wait.until: there is no step 'aks'; did you mean 'ask'?",
        ),
        ("{until:", "{seconds: 3, until:", "line 12: steps[1].wait: say either how many seconds, or until"),
        (
            "needs: [ask]",
            "needs: [ask]\n    command: x",
            "line 13: steps[1].wait: a step is one thing: keep 'command' or 'wait', and make the other",
        ),
        (
            "needs: [ask]",
            "needs: [ask]\n    retry: {attempts: 2}",
            "line 12: steps[1].retry: 'retry' belongs to a step with command or http or workflow, not to",
        ),
        (
            '    wait: {until: "${{ steps.ask.output.fields.why }}"}',
            "",
            "steps[1].command: this field is required: a step has one of command, approval, wait",
        ),
    ],
)
def test_what_is_wrong_with_a_waiting_step_is_said_by_line(old: str, new: str, said: str) -> None:
    assert WAITS.count(old) == 1
    with pytest.raises(DocumentError) as caught:
        documents.parse(WAITS.replace(old, new))
    assert said in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    bad = GOOD.replace("input.report }}", "inptu.report }}").replace("steps.fix.output", "steps.nix.output")
    with pytest.raises(DocumentError) as caught:
        documents.parse(bad)
    assert [problem.line for problem in caught.value.problems] == [11, 20]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("- a", "a workflow is a mapping"),
        ("just text", "a workflow is a mapping"),
        ("a: &x [1]\nb: *x", "line 1: anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: the tag"),
        ("a: 1\na: 2", "line 2: the key 'a' is there twice"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("a: [1", "not YAML"),
        ('{"a": 1,}', "not JSON"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[" * 5000, "nested deeper"),
        ('{"a":' * 50_000, "nested deeper"),
        ("a: \x00", "character that YAML does not allow"),
        ('name: "\\0"', "NUL"),
        ('{"name": "\\ud800"}', "half a surrogate pair"),
        ("? [a]\n: b", "a key must be text"),
        ("x" * 600_000, "longer than"),
        ("a: 1\n---\nb: 2", "not YAML"),
    ],
)
def test_hostile_or_broken_text_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        documents.parse(text)


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        documents.parse(text)


def test_words_that_look_like_other_types_stay_text() -> None:
    text = "name: N\nslug: x\nsteps: [{key: a, command: on, with: {a: 12:30, b: 2026-01-02, c: off, d: 010}}]"
    step = documents.parse(text).by_key["a"]
    assert step.command == "on"
    assert step.with_ == {"a": "12:30", "b": "2026-01-02", "c": "off", "d": 10}


def test_the_published_schema_takes_what_the_parser_takes() -> None:
    schema = documents.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(yaml.safe_load(GOOD))
    validator.validate(yaml.safe_load(WAITS))
    steps = [{"key": "a"}, {"key": "a", "command": "x", "wait": {"seconds": 1}}, {"key": "a", "wait": {}}]
    kinds = [{"name": "x", "slug": "x", "steps": [step]} for step in steps]
    for wrong in ({"name": "x"}, {**yaml.safe_load(GOOD), "foo": 1}, *kinds):
        assert not validator.is_valid(wrong)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_library_s_documents_are_good(path: Any) -> None:
    document = documents.parse(path.read_text())
    assert document.slug == path.stem
    assert 5 <= len(document.steps) <= 9
    levels = list(document.graph.level.values())
    assert len(levels) > len(set(levels)), "something in it runs side by side"
    assert document.description


def test_a_pattern_takes_linear_time_whatever_it_is() -> None:
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}}
    assert inputs.value_problems(schema, {"a": "a" * 5000 + "!"})[0].message == "must match ^(a+)+$"
    assert not inputs.value_problems(schema, {"a": "aaa"})


def test_defaults_are_filled_in_and_never_shared() -> None:
    schema = {"properties": {"list": {"default": []}, "deep": {"properties": {"x": {"default": 1}}}}}
    filled = inputs.with_defaults(schema, {"deep": {}})
    filled["list"].append(1)
    assert filled["deep"] == {"x": 1}
    assert inputs.with_defaults(schema, {}) == {"list": []}


def test_the_guide_s_example_is_a_document() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text()
    example = guide.split("```yaml\n")[1].split("```")[0]
    assert set(documents.parse(example).by_key) == {"triage", "fix"}
