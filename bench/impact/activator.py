"""Starts a server when the first request comes, holds all requests until it is healthy, then passes them on.

That is what Knative's activator does for a service that is scaled to zero; this one is a stand-in of a page, on one
machine. One event loop; the server is a process of its own with a session of its own, and nothing of it outlives
`stop()`, nor this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import messages
import report

PROBE_SECONDS = 0.01
PROBE_LIMIT_SECONDS = 5
#: How long a server may take to end when it is asked to; then it is killed.
END_LIMIT_SECONDS = 5
#: Of a server's last words.
WORDS_MAX = 300

_libc = ctypes.CDLL(None)
_set_parent_death_signal = 1  # PR_SET_PDEATHSIG


def _die_with_parent() -> None:
    _libc.prctl(_set_parent_death_signal, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StartError(Exception):
    """A server that didn't come up. `outcome`: crashed or timed_out."""

    def __init__(self, outcome: str, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


class Activator:
    """`command` may hold {port}. `log` gets what the server says; `start_limit` and `answer_limit` are seconds."""

    def __init__(self, command: list[str], log: Path, start_limit: float, answer_limit: float) -> None:
        self._port = free_port()
        self._command = [word.replace("{port}", str(self._port)) for word in command]
        self._log = log
        self._start_limit, self._answer_limit = start_limit, answer_limit
        self._process: asyncio.subprocess.Process | None = None
        self._started: asyncio.Task[None] | None = None
        self._listening: asyncio.Server | None = None
        self.began = 0.0  # the server's process, on CLOCK_MONOTONIC
        self.url = ""

    async def listen(self) -> None:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            message = await messages.read_request(reader)
            status, body = await self._answer(message)
            writer.write(messages.answer(status, body))
            await writer.drain()
        except (ValueError, EOFError, OSError, asyncio.LimitOverrunError):
            pass  # whoever asked went away, or asked nothing that can be understood
        finally:
            writer.close()

    async def _answer(self, message: bytes) -> tuple[int, bytes]:
        if self._started is None:
            self._started = asyncio.create_task(self._start())
        try:
            await asyncio.shield(self._started)
            return await messages.within(self._answer_limit, messages.exchange("127.0.0.1", self._port, message))
        except StartError as error:
            return 502 if error.outcome == "crashed" else 504, b"{}"
        except asyncio.TimeoutError:
            return 504, b"{}"
        except (ValueError, EOFError, OSError, asyncio.LimitOverrunError):
            return 502, b"{}"

    async def _start(self) -> None:
        """Until the server is healthy. Raises StartError."""
        with open(self._log, "wb") as log:
            self.began = time.monotonic()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_die_with_parent,
                )
            except OSError as error:
                raise StartError("crashed", f"{self._command[0]}: {error.strerror}") from error
        while not await self._healthy():
            if self._process.returncode is not None:
                raise StartError("crashed", self._ending())
            if time.monotonic() - self.began > self._start_limit:
                raise StartError("timed_out", f"not healthy after {self._start_limit:g} s; {self._last_words()}")
            await asyncio.sleep(PROBE_SECONDS)

    async def _healthy(self) -> bool:
        try:
            return (await self._get("/healthz"))[0] == 200
        except (ValueError, EOFError, OSError, asyncio.TimeoutError):
            return False

    async def _get(self, path: str) -> tuple[int, bytes]:
        message = messages.request("GET", path, f"127.0.0.1:{self._port}")
        return await messages.within(PROBE_LIMIT_SECONDS, messages.exchange("127.0.0.1", self._port, message))

    async def facts(self) -> dict[str, Any]:
        """What the server says of itself at /times; nothing, where it has no such page."""
        try:
            status, body = await self._get("/times")
            told = json.loads(body) if status == 200 else {}
            return told if isinstance(told, dict) else {}
        except (ValueError, EOFError, OSError, asyncio.TimeoutError):
            return {}

    async def outcome(self, statuses: list[int]) -> tuple[str, str]:
        """What became of the server that gave these answers: answered, crashed, timed_out or failed, and why."""
        error = self._started.exception() if self._started and self._started.done() else None
        if isinstance(error, StartError):
            return error.outcome, str(error)
        if all(status == 200 for status in statuses):
            return "answered", ""
        with contextlib.suppress(asyncio.TimeoutError):  # what dies has closed its connections just before
            await messages.within(1, self._process.wait())
            return "crashed", self._ending()
        if {0, 504} & set(statuses):
            return "timed_out", f"no whole answer within {self._answer_limit:g} s; {self._last_words()}"
        return "failed", f"answers of {sorted(set(statuses))}; {self._last_words()}"

    def _ending(self) -> str:
        code = self._process.returncode if self._process else None
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return f"{how}; {self._last_words()}"

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        last = "".join(letter for letter in lines[-1] if letter.isprintable()) if lines else ""
        return f"its last words: {report.without_secrets(last[:WORDS_MAX])}" if last else "it said nothing"

    async def stop(self) -> None:
        """Ends the server and all it started, and the listening."""
        if self._listening is not None:
            self._listening.close()
        if self._started is not None and not self._started.done():
            self._started.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._started
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.terminate()
            with contextlib.suppress(asyncio.TimeoutError):
                await messages.within(END_LIMIT_SECONDS, self._process.wait())
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
