"""Instructions written by the teacher: DSPy's grounded proposer, shown our plain prompt.

DSPy would show the source of the Python class that it optimizes; what runs in production is the
prompt, so that is what the teacher reads. Proposals that would break the prompt are dropped.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dspy
from dspy.propose import GroundedProposer
from dspy.utils.exceptions import AdapterParseError

from kaizen_engine.optimize.candidate_checks import Rules
from kaizen_engine.optimize.strategy import SearchReport, SearchRequest
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.render import contract_text

_LONGEST_VALUE = 600
_UNREADABLE = "it could not be read"


class PromptProposer(GroundedProposer):  # type: ignore[misc]
    """A proposal that cannot be parsed is an empty text instead of the end of the run."""

    def __init__(self, artifact: PromptArtifact, trainset: Sequence[Any], **options: Any) -> None:
        rows = [_shortened(row) for row in trainset]
        super().__init__(
            trainset=rows,
            program_aware=False,
            use_instruct_history=False,
            set_history_randomly=False,
            **options,
        )
        self.program_aware = True
        self.program_code_string = prompt_text(artifact)

    def propose_instruction_for_predictor(self, *args: Any, **options: Any) -> str:
        try:
            return str(super().propose_instruction_for_predictor(*args, **options))
        except AdapterParseError:
            return ""


@dataclass
class Sieve:
    """Keeps the instructions that the prompt survives, each once, and counts the others."""

    rules: Rules
    kept: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def add(self, proposal: str) -> str:
        """Return the instruction as DSPy's signature will hold it, or nothing when dropped."""
        text = inspect.cleandoc(proposal).strip()
        problem = self.problem(text)
        if problem:
            self.dropped.append(problem)
            return ""
        self.kept.append(text)
        return text

    def report(self) -> SearchReport:
        return SearchReport(len(self.kept) + len(self.dropped), tuple(self.dropped))

    def problem(self, text: str) -> str:
        if not text:
            return _UNREADABLE
        if text in (self.rules.artifact.system, *self.kept):
            return "it is another one again"
        return self.rules.problem(text)


def sieve_for(request: SearchRequest) -> Sieve:
    examples = (*request.train, *request.dev, *request.lessons)
    return Sieve(Rules.of(request.artifact, examples, locked=request.locked))


def prompt_text(artifact: PromptArtifact) -> str:
    """Return the prompt as a person would note it down: instruction, contract, user message."""
    plain = artifact.to_dict()
    parts = [artifact.system, contract_text(plain), f"User message:\n{artifact.user_template}"]
    return "\n\n".join(part for part in parts if part)


def _shortened(row: dspy.Example) -> dspy.Example:
    """Cut long texts: a description of the data needs their beginnings, and costs by length."""
    fields = {name: _cut(value) for name, value in row.items()}
    return dspy.Example(fields).with_inputs(*row.inputs().keys())


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_VALUE:
        return value[:_LONGEST_VALUE] + "…"
    return value
