"""Rows that belong together: the same inputs or nearly, the same conversation, the same user.

A group keeps its split for ever. A row that would tie together groups of two splits is left out
of both, since it would tell one of them what the other holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kaizen_engine.data.near import NearIndex, words_of
from kaizen_engine.data.split import group_key
from kaizen_engine.states import Split

# Of two placed rows that belong together, the one in the later of these is left out.
ORDER = (Split.TRAIN, Split.DEV, Split.RED_TEAM, Split.TEST)
# A person or a session that sends a large part of the traffic would be the only group.
CONVERSATION = ("conversation_id", "thread_id", "session_id")
USER = ("user_id", "user")


@dataclass(frozen=True)
class GroupRow:
    """`links` name the conversation and the user; `group` and `split` are those it has."""

    id: str
    inputs: Mapping[str, Any]
    links: tuple[str, ...] = ()
    group: str = ""
    split: Split | None = None


@dataclass(frozen=True)
class Groups:
    """The group of every row but those that are `tied` to groups of two splits."""

    of: Mapping[str, str]
    tied: frozenset[str]
    shown: frozenset[str]


def links_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what rows of the same conversation, or of the same user, have in common, hashed."""
    found = []
    for kind, names in (("conversation", CONVERSATION), ("user", USER)):
        value = next((metadata[name] for name in names if _is_name(metadata.get(name))), None)
        if value is not None:
            found.append(f"{kind}:{group_key({kind: str(value)})}")
    return tuple(found)


def form_groups(rows: Sequence[GroupRow], shown: Iterable[Mapping[str, Any]] = ()) -> Groups:
    """Put rows into groups; those with a split keep the group that they have.

    `shown` are inputs that a person or a live prompt shows: their groups are named in the answer.
    The same rows in the same order give the same groups.
    """
    placed = [row for split in ORDER for row in rows if row.split is split]
    samples = [GroupRow(f"shown {place}", inputs) for place, inputs in enumerate(shown)]
    forming = _Forming([*placed, *samples, *(row for row in rows if row.split is None)])
    for place in range(len(forming.rows)):
        forming.place(place)
    return forming.groups(frozenset(row.id for row in samples))


@dataclass
class _Forming:
    """Union-find in which a union that would join two splits is refused."""

    rows: Sequence[GroupRow]
    tied: set[int] = field(default_factory=set)
    by_key: dict[str, int] = field(default_factory=dict)
    split: dict[int, Split] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parent = list(range(len(self.rows)))
        self.near = NearIndex([words_of(row.inputs) for row in self.rows], self.root)

    def root(self, place: int) -> int:
        while self.parent[place] != place:
            self.parent[place] = self.parent[self.parent[place]]
            place = self.parent[place]
        return place

    def place(self, place: int) -> None:
        row = self.rows[place]
        keys = _keys(row)
        roots = {self.root(self.by_key[key]) for key in keys if key in self.by_key}
        roots |= self.near.groups_near(place)
        splits = {self.split[root] for root in roots if root in self.split}
        splits |= {row.split} if row.split else set()
        if len(splits) > 1:
            self.tied.add(place)
            return
        first = min({place, *roots})
        for root in (place, *roots):
            self.parent[root] = first
        if splits:
            self.split[first] = next(iter(splits))
        for key in keys:
            self.by_key.setdefault(key, first)
        self.near.add(place)

    def groups(self, shown: frozenset[str]) -> Groups:
        names: dict[int, str] = {}
        for place, row in enumerate(self.rows):
            if place not in self.tied and row.id not in shown:
                names.setdefault(self.root(place), row.group or group_key(row.inputs))
        free = [place for place in range(len(self.rows)) if place not in self.tied]
        of = {
            row.id: row.group if row.split else names[self.root(place)]
            for place, row in ((place, self.rows[place]) for place in free)
            if row.id not in shown
        }
        seen = {self.root(place) for place in free if self.rows[place].id in shown}
        return Groups(
            of=of,
            tied=frozenset(self.rows[place].id for place in self.tied) - shown,
            shown=frozenset(names[root] for root in seen if root in names),
        )


def _keys(row: GroupRow) -> list[str]:
    own = [f"group:{row.group}"] if row.split else []
    return [f"inputs:{group_key(row.inputs)}", *row.links, *own]


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
