"""Which clients got a prompt, in which version, and which of them have an older one."""

from dataclasses import dataclass
from datetime import datetime

from prompts_app.models import ClientSighting, Tag
from tasks_app.models import Task

MOST = 50


@dataclass(frozen=True)
class Client:
    """An API key as it last fetched the prompt. `is_behind`: not since its tag moved on."""

    name: str
    prefix: str
    tag: str
    number: int
    seen_at: datetime
    is_behind: bool
    number_now: int | None


@dataclass(frozen=True)
class Clients:
    rows: list[Client]
    has_more: bool

    @property
    def behind(self) -> list[Client]:
        return [client for client in self.rows if client.is_behind]


def clients_of(task: Task, tags: dict[str, Tag]) -> Clients:
    """Return the latest sightings of keys that are not revoked, those behind first."""
    seen = ClientSighting.objects.filter(task=task, api_key__revoked_at=None)
    rows = seen.order_by("-seen_at", "id").values_list(
        "api_key__name", "api_key__prefix", "tag", "version_id", "version__number", "seen_at"
    )  # fmt: skip
    found = [
        Client(
            name=name,
            prefix=prefix,
            tag=tag,
            number=number,
            seen_at=seen_at,
            is_behind=tag not in tags or tags[tag].version_id != version_id,
            number_now=tags[tag].version.number if tag in tags else None,
        )
        for name, prefix, tag, version_id, number, seen_at in rows[: MOST + 1]
    ]
    shown = sorted(found[:MOST], key=lambda client: not client.is_behind)
    return Clients(shown, len(found) > MOST)
