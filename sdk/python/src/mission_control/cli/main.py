"""`missionctl`: Mission Control from a shell. Its exit code says how it went (`--help` lists them)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mission_control.cli import reading, verbs
from mission_control.cli.credentials import NotLoggedIn
from mission_control.cli.text import visible
from mission_control.errors import MissionControlError, Refused, Unreachable

OK, REFUSED, USAGE, NOT_LOGGED_IN, UNREACHABLE, NOT_COMPLETED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

CODES = """\
exit codes:
  0    done
  1    the server refused it, and said why
  2    the command line is wrong
  3    no key, or one that is not good or not enough for this
  4    the server cannot be reached, or is overloaded
  5    with --wait: the run ended otherwise than completed
  130  interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. The entry point passes it on to the shell."""
    given = parser().parse_args(arguments)
    try:
        code: int = given.act(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `missionctl runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Refused as error:
        complain(error.detail)
        for name, said in error.errors.items():
            complain(f"  {name}: {' '.join(map(str, said)) if isinstance(said, list) else said}")
        if error.status in (401, 403):
            return NOT_LOGGED_IN
        return UNREACHABLE if error.status in (429, 502, 503, 504) else REFUSED
    except NotLoggedIn as error:
        complain(str(error))
        return NOT_LOGGED_IN
    except Unreachable as error:
        complain(str(error))
        return UNREACHABLE
    except verbs.Usage as error:
        complain(str(error))
        return USAGE
    except (MissionControlError, TimeoutError, OSError) as error:
        complain(str(error))
        return REFUSED
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        complain(f"the server's answer is not understood ({type(error).__name__}: {error})")
        return REFUSED
    return code


def complain(text: str) -> None:
    sys.stderr.write(f"missionctl: {visible(text)}\n" if not text.startswith(" ") else visible(text) + "\n")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="missionctl", description="Mission Control from a shell.", epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", help="the server; default MC_URL, then the one you logged in to")
    common.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, act: object, help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, parents=[common], help=help, description=help, epilog=CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.set_defaults(act=act)
        return made

    login = command("login", verbs.login, "store a key for a server, in a file only you can read")
    login.add_argument("--key", help="an API key with the scopes read and run; - reads it from stdin")
    login.add_argument("--user", help="sign in with a password instead and make such a key (admins)")
    login.add_argument("--password-stdin", action="store_true", help="read the password from stdin")
    command("whoami", verbs.whoami, "whose key this is, and which server")

    agents = command("agents", reading.agents, "the agents and what they do")
    agents.add_argument("--status")
    runs = command("runs", reading.runs, "the runs, newest first")
    runs.add_argument("--status")
    runs.add_argument("--workflow", help="its slug")
    runs.add_argument("--limit", type=int, default=20, help="how many; default 20")
    command("run", reading.run, "one run and its steps").add_argument("id")
    approvals = command("approvals", reading.approvals, "what people are asked")
    approvals.add_argument("--all", action="store_true", help="decided ones too")
    logs = command("logs", reading.logs, "the log of a command run, or of all of a run")
    logs.add_argument("id")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until it is over")
    export = command("export", reading.export, "every row, for spreadsheets and programs")
    export.add_argument("what", choices=["runs", "command-runs"])
    export.add_argument("--since", help="a date or moment, or an age such as 12h or 7d")
    export.add_argument("--format", choices=["jsonl", "csv"], default="jsonl")
    export.add_argument("-o", "--output", help="a file instead of stdout")

    start = command("start", verbs.start, "start a run of a workflow")
    start.add_argument("workflow", help="its slug")
    start.add_argument(
        "--input", action="append", default=[], metavar="KEY=VALUE",
        help="one field (VALUE is JSON if it can be read so, else text; KEY=@FILE takes a file's text),"
        " or @FILE with the whole input as JSON; repeat it",
    )  # fmt: skip
    start.add_argument("--wait", action="store_true", help="until it is over; exit 5 if not completed")
    start.add_argument("--idempotency-key", default="", help="the same key and input: the same run")
    command("cancel", verbs.cancel, "cancel a run or a command run").add_argument("id")
    for name, act in (("approve", verbs.approve), ("reject", verbs.reject)):
        decide = command(name, act, f"{name} what was asked")
        decide.add_argument("id")
        decide.add_argument("--comment", default="")
        if name == "approve":
            decide.add_argument("--option", default="", help="which, when there are options")
    return top


if __name__ == "__main__":
    sys.exit(main())
