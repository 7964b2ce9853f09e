"""A version as its prompt file, and how a file differs from it."""

import difflib
from dataclasses import dataclass, replace

from kaizen_engine.errors import InvalidPromptFile
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.prompt_yml import PromptFile, read_prompt_file, write_prompt_file
from prompts_app.models import PromptVersion


@dataclass(frozen=True)
class Drift:
    """What it takes to turn a file into the version's; `diff` is unified."""

    diff: str
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.diff)


def file_of(version: PromptVersion, before: bytes | None = None) -> bytes:
    """Return the file; what `before` says beside the prompt is kept."""
    artifact = PromptArtifact.from_dict(version.artifact)
    kept = _readable(before)
    if kept is None:
        return write_prompt_file(PromptFile(artifact, version.task.name, version.task.description))
    return write_prompt_file(replace(kept, artifact=artifact))


def drift_from(version: PromptVersion, found: bytes) -> Drift:
    """Compare a file with the version's, byte by byte, and name inputs that came and went."""
    wanted = file_of(version, found)
    if wanted == found:
        return Drift("", (), ())
    lines = difflib.unified_diff(
        found.decode("utf-8", "replace").splitlines(),
        wanted.decode().splitlines(),
        "file",
        f"version {version.number}",
        lineterm="",
    )
    file = _readable(found)
    have = _inputs(file.artifact) if file else set()
    want = _inputs(PromptArtifact.from_dict(version.artifact))
    diff = "\n".join(lines) or "the line endings or the end of the file differ"
    return Drift(diff, tuple(sorted(want - have)), tuple(sorted(have - want)))


def _readable(content: bytes | None) -> PromptFile | None:
    try:
        return read_prompt_file(content) if content else None
    except InvalidPromptFile:
        return None


def _inputs(artifact: PromptArtifact) -> set[str]:
    return {item.name for item in artifact.inputs}
