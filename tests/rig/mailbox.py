"""A mail server on the loopback that keeps what it is sent, or refuses it as a test says."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class Mailbox:
    """What arrived, oldest first. `refuse` is the answer to every recipient, such as `550 no`."""

    port: int = 0
    refuse: str = ""
    messages: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        timeout = 20

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 mailbox")
            while line := self.rfile.readline().decode("utf-8", "replace").strip():
                verb = line.split(" ")[0].upper()
                if verb == "RCPT" and box.refuse:
                    self.say(box.refuse)
                elif verb == "DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    content = b"".join(one[1:] if one.startswith(b"..") else one for one in lines)
                    message = email.message_from_bytes(content, policy=email.policy.default)
                    assert isinstance(message, EmailMessage)
                    box.messages.append(message)
                    self.say("250 kept")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 mailbox" if verb in ("EHLO", "HELO", "MAIL", "RCPT", "RSET") else "502 no")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
