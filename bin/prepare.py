"""Makes a fresh clone ready: virtual environment, locked packages, built screen, test programs.

Runs on the system's Python with nothing installed. Each step remembers the hash of what it was
made from in `.make/`, so a second start does nothing. Usage: bin/prepare.py STEP...
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMPS = ROOT / ".make"
VENV = ROOT / ".venv"
FRONTEND = ROOT / "frontend"
PYTHON_NEEDED = (3, 11)
NODE_NEEDED = 20
APT = {
    "initdb": "postgresql",
    "redis-server": "redis-server",
    "chromium": "chromium",
}


class CannotPrepare(Exception):
    """Something only the person can change; the message says what to do."""


def main(steps: list[str]) -> int:
    known: dict[str, Callable[[], None]] = {
        "python": python,
        "python-dev": python_dev,
        "node": node_packages,
        "spa": spa,
        "programs": programs,
    }
    unknown = [step for step in steps if step not in known]
    if unknown or not steps:
        print(f"usage: bin/prepare.py [{' | '.join(known)}]...", file=sys.stderr)
        return 2
    try:
        for step in steps:
            known[step]()
    except CannotPrepare as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failed:
        print(f"\nfailed ({failed.returncode}): {' '.join(map(str, failed.cmd))}", file=sys.stderr)
        return 1
    return 0


def python() -> None:
    """The virtual environment with what the product needs; a development one is left as it is."""
    lock = ROOT / "requirements.lock"
    if _stamp("python-dev", _hash([lock, ROOT / "requirements-dev.lock"])).exists():
        return
    _step("python", [lock], "Installing Python packages", lambda: _install(lock))


def python_dev() -> None:
    locks = [ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]
    _step("python-dev", locks, "Installing Python packages for development", lambda: _install(locks[1]))


def node_packages() -> None:
    _check_node()
    sources = [FRONTEND / "package.json", FRONTEND / "package-lock.json"]
    _step("node", sources, "Installing the screen's packages", lambda: _npm("ci"), FRONTEND / "node_modules")


def spa() -> None:
    """The built single-page app. Neither Node nor its packages are needed when it is up to date."""
    patterns = ["src/**/*", "public/**/*", "*.html", "*.json", "*.ts", "*.js", "*.mjs", "*.css"]
    sources = [path for pattern in patterns for path in FRONTEND.glob(pattern) if path.is_file()]
    built = FRONTEND / "dist" / "index.html"
    if _stamp("spa", _hash(sources)).exists() and built.exists():
        return
    node_packages()
    _step("spa", sources, "Building the screen", lambda: _npm("run", "build"), built)


def programs() -> None:
    """PostgreSQL, Redis and Chromium for the tests: installed through apt-get where that may be done."""
    missing = [name for name in APT if not _found(name)]
    if not missing:
        return
    packages = [APT[name] for name in missing]
    apt = _apt()
    if apt is None:
        raise CannotPrepare(_how_to(packages))
    print(f"==> Installing {', '.join(packages)}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update", "-qq"], check=True, env=quiet)
    install = [*apt, "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(install, check=True, env=quiet, stdout=subprocess.DEVNULL)
    still = [APT[name] for name in missing if not _found(name)]
    if still:
        raise CannotPrepare(_how_to(still))


def _step(
    name: str,
    sources: Iterable[Path],
    title: str,
    action: Callable[[], None],
    product: Path | None = None,
) -> None:
    """Run `action` unless it already ran for these very sources and its product is there."""
    stamp = _stamp(name, _hash(sources))
    if stamp.exists() and (product is None or product.exists()):
        return
    print(f"==> {title}", flush=True)
    started = time.monotonic()
    for old in STAMPS.glob(f"{name}.*"):
        old.unlink()
    action()
    STAMPS.mkdir(exist_ok=True)
    # The action may write its own sources (a lock normalised by its tool): hash them again.
    _stamp(name, _hash(sources)).touch()
    print(f"    done in {time.monotonic() - started:.0f} s", flush=True)


def _stamp(name: str, digest: str) -> Path:
    # A virtual environment that went away takes its stamp's meaning with it.
    if name.startswith("python") and not _venv_python().exists():
        return STAMPS / f"{name}.none"
    return STAMPS / f"{name}.{digest}"


def _hash(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(path.read_bytes() if path.exists() else b"")
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def _venv_python() -> Path:
    return VENV / "bin" / "python"


def _install(lock: Path) -> None:
    if sys.version_info < PYTHON_NEEDED:
        found = ".".join(map(str, sys.version_info[:3]))
        raise CannotPrepare(
            f"Python 3.11 or newer is needed, this is {found}. Set PYTHON=/path/to/python3.12"
        )
    if not _venv_python().exists():
        _make_venv()
    pip = [str(_venv_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True, cwd=ROOT)


def _make_venv() -> None:
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise CannotPrepare(
            f"Python's venv module cannot make an environment:\n{made.stdout}{made.stderr}\n"
            f"On Debian and Ubuntu run:  apt-get install -y python3-venv   (or python{minor}-venv)"
        )


def _check_node() -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    hint = f"Node {NODE_NEEDED} or newer with npm is needed to build the screen (https://nodejs.org)."
    if node is None or npm is None:
        raise CannotPrepare(hint)
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"v(\d+)", answer)
    if version is None or int(version[1]) < NODE_NEEDED:
        raise CannotPrepare(f"{hint} This is {answer.strip()}.")


def _npm(*arguments: str) -> None:
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"] if arguments[0] == "ci" else ["--silent"]
    subprocess.run(["npm", *arguments, *quiet], check=True, cwd=FRONTEND)


def _found(name: str) -> bool:
    if name == "initdb":
        return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    if name == "chromium":
        names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        return bool(os.environ.get("MC_CHROMIUM") or any(map(shutil.which, names)))
    return shutil.which(name) is not None


def _apt() -> list[str] | None:
    """apt-get, with sudo where that asks for no password; None where it may not be used."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n", "apt-get"]
    return None


def _how_to(packages: list[str]) -> str:
    names = " ".join(packages)
    return (
        f"The tests need programs that are not installed: {names}\n"
        f"  Debian, Ubuntu:  sudo apt-get install -y --no-install-recommends {names}\n"
        "  macOS:           brew install postgresql@15 redis && brew install --cask chromium\n"
        "Another Chromium or Chrome is taken from MC_CHROMIUM=/path/to/chrome.\n"
        "Then run the same command again."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
