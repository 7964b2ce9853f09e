"""Django choices made from the engine's state words, so that both stay one list."""

from enum import StrEnum


def choices_of(enum: type[StrEnum], **labels: str) -> list[tuple[str, str]]:
    """Return value and label of each word; `labels` are for those that are names."""
    plain = {member.value: member.value.replace("_", " ").capitalize() for member in enum}
    return list((plain | labels).items())


def words_of(enum: type[StrEnum]) -> list[str]:
    return [member.value for member in enum]
