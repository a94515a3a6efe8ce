"""The commands that change something, and those about the own key."""

from __future__ import annotations

import getpass
import json
import socket
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from mission_control.cli import credentials
from mission_control.cli.credentials import Credentials
from mission_control.cli.text import as_json, visible
from mission_control.client import Client
from mission_control.errors import MissionControlError, Refused
from mission_control.transport import DEFAULT_URL, Transport

NOT_COMPLETED = 5


class Usage(MissionControlError):
    """The command line is wrong."""


def client(given: Namespace) -> Client:
    known = credentials.chosen(given.url)
    return Client(known.url, known.key)


def tell(given: Namespace, value: Any, sentence: str) -> int:
    if given.json:
        as_json(value)
    else:
        sys.stdout.write(visible(sentence) + "\n")
    return 0


def login(given: Namespace) -> int:
    """Check the key before it is stored."""
    if given.key and given.user:
        raise Usage("give --key or --user, not both")
    known = credentials.stored()
    url = (given.url or (known.url if known else "") or DEFAULT_URL).rstrip("/")
    if given.user:
        key = _made_key(url, given.user, _secret("Password: ", from_stdin=given.password_stdin))
    else:
        key = given.key or "-"
        key = _secret("API key: ", from_stdin=not sys.stdin.isatty()) if key == "-" else key
    with Client(url, key.strip()) as asked:
        me = asked.me()
    file = credentials.store(Credentials(asked.transport.url, key.strip()))
    project = me["project"]["name"]
    body = {"url": asked.transport.url, "project": project, "file": str(file)}
    return tell(given, body, f"Logged in to {asked.transport.url}, project {project}. The key is in {file}.")


def _secret(prompt: str, *, from_stdin: bool) -> str:
    secret = sys.stdin.readline().rstrip("\r\n") if from_stdin else getpass.getpass(prompt)
    if not secret:
        raise Usage("nothing was given")
    if not secret.isprintable() or (prompt.startswith("API") and not secret.isascii()):
        raise Usage("that has characters which neither keys nor passwords have")
    return secret


def _made_key(url: str, user: str, password: str) -> str:
    """A key of this user's for this machine; the sign-in is over afterwards."""
    public = Transport(url, "")
    body = {"username": user, "password": password, "cookie": False}
    signed_in = public.call("POST", "auth/token/", body)
    own = Transport(url, signed_in["access"])
    try:
        wanted = {"name": f"missionctl on {socket.gethostname()}"[:100], "scopes": ["read", "run"]}
        return str(own.call("POST", "keys/", wanted)["key"])
    except Refused as error:
        if error.status == 403:
            raise Refused(403, "Only admins make keys. Ask one for a key and use --key.") from None
        raise
    finally:
        public.call("POST", "auth/logout/", {"refresh": signed_in["refresh"]})
        own.close()
        public.close()


def whoami(given: Namespace) -> int:
    with client(given) as asked:
        me = asked.me()
        server = me["server"]
        who = f"{me['username'] or me['name']} in project {me['project']['name']}"
        where = f"{asked.transport.url} (version {server['version']}, {server['mode']})"
        return tell(given, {**me, "url": asked.transport.url}, f"{who}, at {where}")


def start(given: Namespace) -> int:
    value = read_input(given.input)
    with client(given) as asked:
        run: Any = asked.start(given.workflow, value, idempotency_key=given.idempotency_key)
        if not given.wait:
            return tell(given, run, f"Started {run['name']} #{run['number']}: {run['id']}")
        run = asked.wait_for_run(run["id"])
        why = f": {run['error']['message']}" if run["error"] else ""
        tell(given, run, f"{run['name']} #{run['number']} {run['status']}{why} ({run['id']})")
        return 0 if run["status"] == "completed" else NOT_COMPLETED


def read_input(given: list[str]) -> dict[str, Any]:
    """The input that `--input` options make. Raises Usage."""
    found: dict[str, Any] = {}
    for one in given:
        if one.startswith("@"):
            whole = _json_or(_file(one[1:]), None)
            if not isinstance(whole, dict):
                raise Usage(f"{one[1:]} must hold a JSON object")
            found |= whole
            continue
        name, is_field, value = one.partition("=")
        if not is_field or not name:
            raise Usage(f"--input {one}: must be KEY=VALUE, KEY=@FILE or @FILE")
        found[name] = _file(value[1:]) if value.startswith("@") else _json_or(value, value)
    return found


def _file(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{name} cannot be read: {error}") from None


def _json_or(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def cancel(given: Namespace) -> int:
    """A run, or else a command run of that id."""
    with client(given) as asked:
        try:
            state: Any = asked.cancel(given.id)
        except Refused as error:
            if error.status != 404:
                raise
            state = asked.cancel_command_run(given.id)
    said = "cancelled" if state["status"] == "cancelled" else "told to stop"
    return tell(given, state, f"{state['id']} {said}")


def approve(given: Namespace) -> int:
    return _decide(given, approved=True, option=given.option)


def reject(given: Namespace) -> int:
    return _decide(given, approved=False, option="")


def _decide(given: Namespace, *, approved: bool, option: str) -> int:
    with client(given) as asked:
        found: Any = asked.decide(given.id, approved, comment=given.comment, option=option)
    return tell(given, found, f"{found['title']}: {found['state']}")
