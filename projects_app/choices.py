"""Django choices made from the engine's state words, so that both stay one list."""

from enum import StrEnum


def choices_of(enum: type[StrEnum]) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ").capitalize()) for member in enum]


def words_of(enum: type[StrEnum]) -> list[str]:
    return [member.value for member in enum]
