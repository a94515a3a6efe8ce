"""`make dev`: the server restarted when its files change, the screen with hot modules; Ctrl-C ends both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WATCHED = ("apps/**/*.py", "apps/**/*.yaml", "config/**/*.py", "config/**/*.html", ".env")
LOOK_EVERY_SECONDS = 0.7
PORT = os.environ.get("PORT", "8000")


def state() -> dict[str, int]:
    """Every watched file with its time of change."""
    times = {}
    for pattern in WATCHED:
        for path in ROOT.glob(pattern):
            try:
                times[str(path)] = path.stat().st_mtime_ns
            except FileNotFoundError:  # an editor replaced it just now
                continue
    return times


def serve() -> subprocess.Popen[bytes]:
    env = {**os.environ, "DEBUG": os.environ.get("DEBUG", "1")}
    origins = "http://localhost:5173,http://127.0.0.1:5173"
    env["ALLOWED_ORIGINS"] = ",".join(filter(None, [os.environ.get("ALLOWED_ORIGINS"), origins]))
    return subprocess.Popen([sys.executable, "manage.py", "serve"], cwd=ROOT, env=env, start_new_session=True)


def screen() -> subprocess.Popen[bytes]:
    env = {**os.environ, "MC_BACKEND": os.environ.get("MC_BACKEND", f"http://127.0.0.1:{PORT}")}
    return subprocess.Popen(
        ["npx", "--no-install", "vite"], cwd=ROOT / "frontend", env=env, start_new_session=True
    )


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask the child's own group to stop; insist after ten seconds."""
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def main() -> int:
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    seen, server, vite = state(), serve(), screen()
    try:
        while not stop.wait(LOOK_EVERY_SECONDS) and vite.poll() is None:
            now = state()
            if now == seen:
                continue
            changed = sorted(set(seen.items()) ^ set(now.items()))
            print(f"\n==> {Path(changed[0][0]).relative_to(ROOT)} changed, restarting the server", flush=True)
            seen = now
            end(server)
            server = serve()
    finally:
        end(vite)
        end(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
