#!/usr/bin/env python3
"""An agent in Python's standard library: MC_KEY=mc_… python examples/agent.py [http://host:port]

MC_KEY is an API key with scope "agent". Put your own work into `work`.
"""

import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections import Counter

URL = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MC_URL", "http://127.0.0.1:8000")


def post(path, body=None):
    """One call; returns the answer's JSON, or None for 204."""
    request = urllib.request.Request(  # noqa: S310
        f"{URL}/api/v1/{path}",
        data=json.dumps(body or {}).encode(),
        headers={"Authorization": f"Bearer {os.environ['MC_KEY']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


def work(command, value, say, log):
    """Do the command and return its output. `say(percent, message)` returns True when to stop;
    `log(*lines)` is read live on the page of the run."""
    words = value.get("text", "").split()
    log(f"{command}: got {len(words)} words", f"of them {len(set(words))} different")
    say(50, f"counting {len(words)} words")
    common = ", ".join(word for word, _ in Counter(word.lower() for word in words).most_common(3))
    return {"text": f"{len(words)} words, most often: {common}"}


def do(run):
    """Do one command run and send its end."""
    path, fence = f"command-runs/{run['id']}", run["fence"]

    def say(percent, message):
        said = {"fence": fence, "progress": percent, "message": message}
        return post(f"{path}/progress/", said)["cancel"]

    def log(*lines):
        post(f"{path}/logs/", {"fence": fence, "lines": [{"text": line} for line in lines]})

    try:
        end = {"output": work(run["command"], run["input"], say, log)}
    except Exception as error:
        end = {"error": f"{type(error).__name__}: {error}"}
    try:
        post(f"{path}/result/", {"fence": fence, **end})
        print("finished", run["title"], flush=True)
    except urllib.error.HTTPError as error:
        if error.code != 409:  # 409: the lease was taken back; somebody else does the work
            raise


def main():
    about = {"name": "python-agent", "type": "script", "capabilities": ["summarising"]}
    me = post("agents/register/", about)["id"]
    print("registered as", me, flush=True)
    while True:
        post(f"agents/{me}/heartbeat/", {"status": "idle"})
        claim = post(f"agents/{me}/claims/?wait=25")
        if claim is not None:
            do(claim["command_run"])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
