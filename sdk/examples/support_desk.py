"""A small application: route support messages with an LLM, and log how each answer did.

    KAIZEN_URL=… KAIZEN_API_KEY=… MODEL_URL=… python support_desk.py messages.tsv

`messages.tsv` holds one message a line, after the desk that a person found to be right for it.
"""

import csv
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from kaizen_sdk import CTClient

TASK = "route-message"


@dataclass(frozen=True)
class Ticket:
    desk: str
    text: str


def tickets(path: Path) -> Iterator[Ticket]:
    with path.open(encoding="utf-8", newline="") as file:
        for desk, text in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Ticket(desk, text)


class SupportDesk:
    def __init__(self, kaizen: CTClient, model: httpx.Client) -> None:
        self.kaizen = kaizen
        self.model = model

    def answer(self, ticket: Ticket) -> bool:
        """Route one ticket, tell Kaizen how it went, and return whether it went well."""
        prompt = self.kaizen.get_prompt(TASK)
        body = {"model": "demo", "messages": prompt.messages({"message": ticket.text})}
        reply = self.model.post("chat/completions", json=body).raise_for_status().json()
        text = reply["choices"][0]["message"]["content"]
        try:
            desk = prompt.parse(text)["desk"]
        except ValueError:
            desk = text
        self._log(ticket, desk, prompt.hash)
        return bool(desk == ticket.desk)

    def _log(self, ticket: Ticket, desk: str, prompt_hash: str) -> None:
        inputs, is_right = {"message": ticket.text}, desk == ticket.desk
        verdict = {"score": 1.0} if is_right else {"score": 0.0, "corrected_output": ticket.desk}
        comment = None if is_right else f"This one belongs to the {ticket.desk} desk."
        self.kaizen.log_feedback(
            TASK, inputs, desk, comment=comment, prompt_hash=prompt_hash, **verdict
        )


def main(path: Path) -> int:
    with CTClient() as kaizen, httpx.Client(base_url=os.environ["MODEL_URL"]) as model:
        desk = SupportDesk(kaizen, model)
        with ThreadPoolExecutor(4) as pool:
            right = list(pool.map(desk.answer, tickets(path)))
        is_delivered = kaizen.flush(timeout=30)
    sys.stdout.write(f"{sum(right)} of {len(right)} routed to the right desk\n")
    return 0 if is_delivered else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
