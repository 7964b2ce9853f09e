"""Changelogs: what a version changes, in words that a model wrote and that say so."""

from prompts_app.models import ChangeNote, PromptVersion


def change_note_write(*, version: PromptVersion, text: str, writer: str) -> ChangeNote:
    """Keep the version's changelog; the first one stays."""
    note, _ = ChangeNote.objects.get_or_create(
        version=version, defaults={"text": text, "writer": writer}
    )
    return note
