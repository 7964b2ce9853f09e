"""Which split a row belongs to: decided once for its group, and kept for ever."""

import hashlib
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kaizen_engine.prompts.artifact import canonical_json, sha256_hex
from kaizen_engine.states import Split

TEST_FROM_ROWS = 150
LEAST_TEST_ROWS = 30
TEST_SHARE = 0.2
TRAIN_SHARE = 0.2
TRAIN_SHARE_BESIDE_TEST = 0.25


@dataclass(frozen=True)
class SplitRow:
    """`deciding`: a random or representative row. `seen`: a job or a person has used it.

    A row that only `teaches` has no score: it goes to train, and no share counts it.
    """

    id: str
    group: str
    split: Split | None
    deciding: bool
    seen: bool
    teaches: bool = False


@dataclass
class _Group:
    key: str
    new: list[SplitRow] = field(default_factory=list)
    may_be_test: bool = True

    @property
    def size(self) -> int:
        return sum(not row.teaches for row in self.new)


def group_key(inputs: Mapping[str, Any]) -> str:
    """Return 32 hex digits that are equal for inputs that differ in case, width or blanks only.

    Raises ValueError for inputs that are not plain JSON.
    """
    return sha256_hex(canonical_json(normalised(inputs)))[:32]


def assign_splits(rows: Sequence[SplitRow], seed: int) -> dict[str, Split]:
    """Return a split for every row that has none.

    `rows` are all usable rows of the task, with the splits they have. A row joins the split of
    its group; new groups are dealt out whole, in the order of a seeded hash. Under 150 rows 20 %
    train and 80 % dev; from then on unseen groups of deciding rows fill test until it holds
    max(30, 20 %), and the rest is dealt out 20 to 60.
    """
    known: dict[str, Split] = {}
    for row in rows:
        if row.split is not None:
            known.setdefault(row.group, row.split)
    splits = {row.id: known[row.group] for row in rows if row.split is None and row.group in known}
    groups = _new_groups(rows, known, seed)
    counts = _counts(rows, splits)
    scored = sum(not row.teaches for row in rows)
    dealt = {group.key: Split.TRAIN for group in groups if not group.size}
    groups = [group for group in groups if group.size]
    if scored >= TEST_FROM_ROWS:
        dealt.update(_test_groups(groups, scored, counts[Split.TEST]))
    rest = [group for group in groups if group.key not in dealt]
    dealt.update(_train_and_dev(rest, counts, beside_test=scored >= TEST_FROM_ROWS))
    splits.update({row.id: dealt[row.group] for row in rows if row.group in dealt})
    return splits


def sample_groups(rows: Sequence[tuple[str, str]], most: int, seed: int) -> frozenset[str]:
    """Return the ids of at most `most` of these (id, group) rows, in whole groups.

    Groups are drawn in the order of a seeded hash; one that does not fit any more is passed over.
    """
    groups: dict[str, list[str]] = {}
    for row_id, key in rows:
        groups.setdefault(key, []).append(row_id)
    taken: list[str] = []
    for key in sorted(groups, key=lambda key: (_order(key, seed), key)):
        if len(taken) + len(groups[key]) <= most:
            taken += groups[key]
    return frozenset(taken)


def _new_groups(rows: Iterable[SplitRow], known: Mapping[str, Split], seed: int) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for row in rows:
        if row.group in known:
            continue
        group = groups.setdefault(row.group, _Group(row.group))
        group.new.append(row)
        group.may_be_test = group.may_be_test and row.deciding and not row.seen
    return sorted(groups.values(), key=lambda group: (_order(group.key, seed), group.key))


def _order(key: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).hexdigest()


def _counts(rows: Iterable[SplitRow], joined: Mapping[str, Split]) -> dict[Split, int]:
    counts = dict.fromkeys(Split, 0)
    for row in rows:
        split = row.split or joined.get(row.id)
        if split is not None and not row.teaches:
            counts[split] += 1
    return counts


def _test_groups(groups: Iterable[_Group], rows: int, filled: int) -> dict[str, Split]:
    room = max(LEAST_TEST_ROWS, math.ceil(TEST_SHARE * rows)) - filled
    chosen = _fill([group for group in groups if group.may_be_test], room)
    return {group.key: Split.TEST for group in chosen}


def _train_and_dev(
    groups: Sequence[_Group], counts: Mapping[Split, int], *, beside_test: bool
) -> dict[str, Split]:
    total = counts[Split.TRAIN] + counts[Split.DEV] + sum(group.size for group in groups)
    share = TRAIN_SHARE_BESIDE_TEST if beside_test else TRAIN_SHARE
    train = _fill(groups, round(share * total) - counts[Split.TRAIN])
    if not train and not counts[Split.TRAIN] and len(groups) > 1:
        # Every group is larger than the share: nothing to learn from would end the job.
        train = [min(groups, key=lambda group: group.size)]
    keys = {group.key for group in train}
    return {group.key: Split.TRAIN if group.key in keys else Split.DEV for group in groups}


def _fill(groups: Iterable[_Group], room: int) -> list[_Group]:
    """Take groups in their order while they fit; one that is too large is passed over."""
    taken: list[_Group] = []
    for group in groups:
        if group.size <= room:
            taken.append(group)
            room -= group.size
    return taken


def normalised(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if isinstance(value, Mapping):
        return {str(name): normalised(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [normalised(part) for part in value]
    return value
