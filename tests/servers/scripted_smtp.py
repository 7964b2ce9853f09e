"""A mail server that keeps what it is given, or refuses the addresses it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer


class MailServer(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, *, refused: frozenset[str] = frozenset()) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.refused = refused
        self.letters: list[EmailMessage] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(StreamRequestHandler):
    """RFC 5321 as far as a client without encryption and password needs it."""

    server: MailServer

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if word.upper() == "DATA":
                self._take()
            elif word.upper() == "QUIT":
                self._say("221 bye")
                return
            elif word.upper() == "RCPT" and any(one in rest for one in self.server.refused):
                self._say("550 nobody of that name")
            else:
                self._say("250 ok")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        letter = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.server.letters.append(letter)
        self._say("250 kept")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server(*refused: str) -> Iterator[MailServer]:
    with MailServer(refused=frozenset(refused)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
