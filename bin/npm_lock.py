"""Writes frontend/package-lock.json so that `npm ci` accepts it on every platform and registry.

npm leaves out the builds for other platforms when the registry at hand does not carry them, and
`npm ci` then refuses the lock it wrote. Their entries are added here, without an integrity that
nobody could have computed. No entry names a registry.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FRONTEND = Path(__file__).resolve().parent.parent / "frontend"
LOCK = FRONTEND / "package-lock.json"
SYSTEMS = (
    "linux",
    "darwin",
    "win32",
    "freebsd",
    "android",
    "openbsd",
    "netbsd",
    "sunos",
    "aix",
    "openharmony",
)
PROCESSORS = ("x64", "arm64", "arm", "ia32", "ppc64", "riscv64", "s390x", "wasm32", "loong64", "mips64el")


def complete(lock: dict[str, Any]) -> list[str]:
    """Add an entry for every platform package that is asked for and missing; return their names."""
    packages: dict[str, Any] = lock["packages"]
    added = []
    for asking in list(packages.values()):
        for name, version in asking.get("optionalDependencies", {}).items():
            place = f"node_modules/{name}"
            if place in packages or not version[:1].isdigit():
                continue
            packages[place] = {"version": version, **platform(name), "optional": True}
            if asking.get("dev"):
                packages[place]["dev"] = True
            added.append(name)
    lock["packages"] = {key: packages[key] for key in sorted(packages)}
    return added


def platform(name: str) -> dict[str, list[str]]:
    """The system and processor a package of this name is built for, so that others skip it."""
    words = name.replace("/", "-").split("-")
    arm = {"gnueabihf": "arm", "wasm32": "wasm32"}
    cpu = [arm.get(word, word) for word in words if word in PROCESSORS or word in arm]
    system = [word for word in words if word in SYSTEMS]
    libc = ["musl"] if "musl" in words else []
    return {key: value[:1] for key, value in (("cpu", cpu), ("libc", libc), ("os", system)) if value}


def main() -> int:
    if "--keep" not in sys.argv:
        subprocess.run(["npm", "install", "--package-lock-only"], cwd=FRONTEND, check=True)
    lock = json.loads(LOCK.read_text())
    for entry in lock["packages"].values():
        entry.pop("resolved", None)
    added = complete(lock)
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")
    print(f"{len(lock['packages'])} packages, {len(added)} for other platforms: {', '.join(added)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
