"""Writes the OpenAPI document and the screen's types made from it; `--check` only compares."""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
DOCUMENT = FRONTEND / "openapi.json"
TYPES = FRONTEND / "src" / "lib" / "api" / "schema.d.ts"


def write(document: Path, types: Path) -> None:
    """Generate both files at the given places."""
    spectacular = ["manage.py", "spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json"]
    subprocess.run([sys.executable, *spectacular, "--file", str(document)], check=True, cwd=ROOT)
    made = ["npx", "--no-install", "openapi-typescript", str(document), "-o", str(types)]
    subprocess.run(
        [*made, "--alphabetize", "--root-types=false"],
        check=True,
        cwd=FRONTEND,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def stale() -> list[Path]:
    """The committed files that differ from what would be generated now."""
    with tempfile.TemporaryDirectory() as aside:
        fresh = {DOCUMENT: Path(aside) / DOCUMENT.name, TYPES: Path(aside) / TYPES.name}
        write(fresh[DOCUMENT], fresh[TYPES])
        return [kept for kept, new in fresh.items() if _differ(kept, new)]


def _differ(kept: Path, new: Path) -> bool:
    before = kept.read_text() if kept.exists() else ""
    after = new.read_text()
    if before == after:
        return False
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(kept), "generated", lineterm="", n=1
    )
    print("\n".join(list(lines)[:40]))
    return True


def main() -> int:
    if "--check" not in sys.argv:
        write(DOCUMENT, TYPES)
        return 0
    old = stale()
    for path in old:
        print(f"stale: {path.relative_to(ROOT)}; run `make schema` and commit it", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
