"""What `make` promises: complete locks without a registry's name, steps done once, one test command."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def program(name: str) -> ModuleType:
    """A script of bin/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "bin" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_python_locks_carry_hashes_and_no_registry(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://|--index-url|--find-links", text)
    pinned = re.findall(r"^[A-Za-z0-9][\w.\-\[\]]*==\S+.*$", text, re.MULTILINE)
    assert len(pinned) > 50
    assert all(line.endswith("\\") for line in pinned), "a package without a hash"


def test_both_python_locks_pin_the_same_versions() -> None:
    def versions(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([\w.\-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))

    product, development = versions("requirements.lock"), versions("requirements-dev.lock")
    assert {name: development.get(name) for name in product} == product


def test_the_package_lock_names_no_registry_and_lacks_no_platform() -> None:
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text())
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]
    assert program("npm_lock").complete(lock) == []


def test_the_package_lock_belongs_to_the_package_file() -> None:
    package = json.loads((ROOT / "frontend" / "package.json").read_text())
    locked = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"][""]
    for kind in ("dependencies", "devDependencies"):
        assert locked.get(kind) == package.get(kind)


def test_every_make_command_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in (README, (ROOT / "CONTRIBUTING.md").read_text()):
        named = set(re.findall(r"`make ([a-z-]+)`", document)) | set(
            re.findall(r"^make ([a-z-]+)", document, re.MULTILINE)
        )
        assert named <= targets


def test_ci_runs_the_readmes_test_command() -> None:
    assert re.search(r"^make test\b", README, re.MULTILINE)
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("exec make test")


def test_every_file_the_readme_links_to_exists() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_a_step_runs_once_for_the_same_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = program("prepare")
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    monkeypatch.setattr(prepare, "STAMPS", tmp_path / ".make")
    source, product = tmp_path / "lock", tmp_path / "made"
    source.write_text("one")
    ran: list[str] = []

    def step() -> None:
        def action() -> None:
            ran.append(source.read_text())
            product.touch()

        prepare._step("thing", [source], "Making the thing", action, product)

    step()
    step()
    assert ran == ["one"]
    source.write_text("two")
    step()
    assert ran == ["one", "two"]
    product.unlink()
    step()
    assert ran == ["one", "two", "two"]


def test_a_missing_program_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare = program("prepare")
    monkeypatch.setattr(prepare, "_found", lambda name: name != "redis-server")
    monkeypatch.setattr(prepare, "_apt", lambda: None)
    assert prepare.main(["programs"]) == 1
    said = capsys.readouterr().err
    assert "apt-get install -y --no-install-recommends redis-server" in said
