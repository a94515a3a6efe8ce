"""An OpenAI-compatible server whose answers can be held back, so that a step is provably at work.

Every answer is different (it carries a serial number), which makes a result that was committed
twice, or by the wrong attempt, visible.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.rig.waiting import until

NAME = "rig-model-1"


class ModelServer:
    """`with ModelServer() as model: model.hold(); …; model.release()`."""

    def __init__(self) -> None:
        self.answers: dict[int, str] = {}
        self.prompts: dict[int, str] = {}
        self.at_work: set[int] = set()
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def env(self) -> dict[str, str]:
        """The settings that make the product use this model."""
        return {"MC_LLM_MODEL": NAME, "MC_LLM_BASE_URL": self.url, "MC_LLM_API_KEY": "rig"}

    def hold(self) -> None:
        """From now on questions are taken and not answered."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def wait_at_work(self, count: int = 1, within: float = 60.0) -> set[int]:
        """Wait until so many questions are waiting for their answer; their serial numbers."""
        until(lambda: len(self.at_work) >= count, within, f"{count} questions at the model")
        return set(self.at_work)

    def __enter__(self) -> ModelServer:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def take(self, question: dict[str, Any]) -> int:
        prompt = "\n".join(str(message.get("content")) for message in question["messages"])
        with self._lock:
            serial = len(self.prompts) + 1
            self.prompts[serial] = prompt
            self.at_work.add(serial)
        return serial

    def answer(self, serial: int) -> str:
        self._open.wait()
        with self._lock:
            self.at_work.discard(serial)
            self.answers[serial] = f"Answer number {serial}. The work was done and nothing is open."
        return self.answers[serial]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                text = model.answer(model.take(question))
                try:
                    (_stream if question.get("stream") else _whole)(self, question, text)
                except ConnectionError:
                    return  # whoever asked is dead; that is what these tests are about

            def log_message(self, *_: object) -> None:
                return

        return Handler


def usage(question: dict[str, Any], text: str) -> dict[str, int]:
    """Counts that no other code would arrive at: words of the prompt and of the answer, plus one."""
    asked = sum(len(str(message.get("content")).split()) for message in question["messages"]) + 1
    given = len(text.split()) + 1
    return {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}


def _whole(handler: BaseHTTPRequestHandler, question: dict[str, Any], text: str) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    body = {
        "id": "rig",
        "object": "chat.completion",
        "created": 1,
        "model": NAME,
        "choices": [choice],
        "usage": usage(question, text),
    }
    _head(handler, "application/json")
    handler.wfile.write(json.dumps(body).encode())


def _stream(handler: BaseHTTPRequestHandler, question: dict[str, Any], text: str) -> None:
    head = {"id": "rig", "object": "chat.completion.chunk", "created": 1, "model": NAME}
    _head(handler, "text/event-stream")

    def send(**fields: Any) -> None:
        handler.wfile.write(f"data: {json.dumps({**head, **fields})}\n\n".encode())

    for piece in text.split(" "):
        send(choices=[{"index": 0, "delta": {"content": f"{piece} "}, "finish_reason": None}])
    send(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    send(choices=[], usage=usage(question, text))
    handler.wfile.write(b"data: [DONE]\n\n")


def _head(handler: BaseHTTPRequestHandler, kind: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.send_header("Connection", "close")
    handler.end_headers()
