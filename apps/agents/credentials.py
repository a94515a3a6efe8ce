"""What we and an agent's HTTP endpoint know each other by. Everything is derived, nothing is stored.

The secret (`whsec_…`) signs what we send; it comes from the server's key and a number that rotation
raises. The callback token (`mcb_<fence>_<code>`) lets the agent report on one attempt: it opens one
command run under one fence, and when the lease is taken back the fence has moved.
"""

from __future__ import annotations

import base64
import hmac
import re
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

from apps.agents import signatures

TOKEN_MARK = "mcb_"  # noqa: S105  (the beginning of one)
TOKEN = re.compile(rf"{TOKEN_MARK}([0-9]{{1,15}})_([A-Za-z0-9_-]{{43}})")
SECRET_SALT, TOKEN_SALT = "apps.agents.endpoint", "apps.agents.callback"


def secret_of(agent_id: UUID, version: int) -> str:
    """The secret of a version, as its receiver keeps it."""
    return signatures.secret_text(_derived(SECRET_SALT, f"{agent_id}:{version}"))


def signing_secrets(agent_id: UUID, version: int) -> list[str]:
    """What a call is signed with: the newest secret and the one before, so that a receiver may change
    to the new one when it likes. Who trusts only the new one is not harmed by the old signature."""
    return [secret_of(agent_id, number) for number in (version, version - 1) if number > 0]


def callback_token(command_run_id: UUID, fence: int) -> str:
    """The token of an attempt."""
    code = base64.urlsafe_b64encode(_derived(TOKEN_SALT, f"{command_run_id}:{fence}"))
    return f"{TOKEN_MARK}{fence}_{code.rstrip(b'=').decode()}"


def fence_of(command_run_id: UUID, token: str) -> int | None:
    """The fence a token was made for, if it is one of this command run."""
    found = TOKEN.fullmatch(token)
    if found is None:
        return None
    fence = int(found[1])
    return fence if hmac.compare_digest(callback_token(command_run_id, fence), token) else None


def callback_url(command_run_id: UUID) -> str:
    """Where its reports go: `progress/`, `logs/` and `result/` stand below it."""
    return f"{settings.MC.own_url}/api/v1/command-runs/{command_run_id}/"


def _derived(salt: str, text: str) -> bytes:
    return salted_hmac(salt, text, algorithm="sha256").digest()
