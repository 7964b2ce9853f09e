"""Why a model did not answer, in a sentence that says what to do, with the provider's own words."""

from collections.abc import Mapping
from dataclasses import dataclass

from kaizen_engine.errors import JobAbort, KaizenError, ProviderError
from kaizen_engine.llm.retry import shortened
from kaizen_engine.llm.types import ChatRequest, ChatResponse, Provider
from kaizen_engine.states import StopReason

LONGEST = 300
RAW = 4000
_BY_STATUS: Mapping[int, str] = {
    400: "{place} refused the request: see what it said below.",
    401: "{place} refused the key: enter a new secret at the connection.",
    402: "{place} wants to be paid first: look at the account there.",
    403: "{place} refused the key: enter a new secret, or ask for access to {model}.",
    404: "{place} does not know {model}: check the model's name and the connection's address.",
    413: "{place} found the request too long: shorten the prompt or the inputs.",
    429: "{place} takes no more calls for now: wait a minute, or lower the connection's limit.",
}
_BY_REASON: Mapping[StopReason, str] = {
    StopReason.BUDGET_USD: "The cap of this run was reached before {model} was asked.",
    StopReason.TIMEOUT: "{place} took too long to answer: try again, or ask for shorter answers.",
}


@dataclass(frozen=True)
class Trouble:
    """`words` are for everybody; `raw` is what was said, without anything like a key."""

    words: str
    raw: str = ""


class Hearing:
    """Keeps the last failure of a provider, which a stopped gateway only tells in part."""

    def __init__(self) -> None:
        self.last: ProviderError | None = None

    def __call__(self, error: ProviderError) -> None:
        self.last = error


@dataclass(frozen=True)
class Overheard:
    """A provider whose failures somebody listens to."""

    provider: Provider
    hearing: Hearing

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        try:
            return self.provider.complete(request, timeout_s=timeout_s)
        except ProviderError as error:
            self.hearing(error)
            raise


def trouble_of(stopped: JobAbort | KaizenError, model: str, heard: ProviderError | None) -> Trouble:
    """Explain a call that brought no answer; `model` is `<connection>/<model>`."""
    slug, _, name = model.partition("/")
    named = {"place": f"The provider of {slug}", "model": name or model}
    if isinstance(stopped, KaizenError):
        return Trouble(_sentence(stopped))
    if stopped.reason is StopReason.BUDGET_USD:
        return Trouble(_BY_REASON[stopped.reason].format(**named))
    if heard is not None:
        words = _BY_STATUS.get(heard.status or 0, "{place} could not be reached or failed.")
        return Trouble(words.format(**named), _raw(heard))
    words = _BY_REASON.get(stopped.reason, "")
    return Trouble(words.format(**named) or _sentence(stopped), _raw(stopped))


def _raw(error: BaseException) -> str:
    """Return at most what fits a page; a status stands before the words."""
    status = getattr(error, "status", None)
    said = shortened(error) if len(str(error)) <= LONGEST else _long(error)
    return f"{status}: {said}" if status else said


def _long(error: BaseException) -> str:
    lines = str(error)[:RAW].splitlines()
    return "\n".join(shortened(ValueError(line)) for line in lines if line.strip())


def _sentence(error: BaseException) -> str:
    text = shortened(error)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
