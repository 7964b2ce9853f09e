"""Every error of the engine.

KaizenError
├── InvalidArtifact        an artifact that breaks `kaizen.prompt/1`
├── InvalidPromptFile      a `.prompt.yml` that cannot be read, or an artifact too large for one
├── InvalidSchema          a JSON Schema that no prompt contract can be made of
├── TooFewExamples         not enough usable rows to search on
├── StrategyUnavailable    a search whose packages are not installed
├── PriceUnknown           a model nobody has entered a price for
├── BreakerOpen            the provider failed too often; try again later
├── StoreUnavailable       journal, breaker or limiter cannot be reached: no fault of the job
├── GitError               a repository did not do what it was asked
│   ├── GitUnavailable     transport, time-out, a lost race; trying again can help
│   ├── GitRefused         no such place, no permission, an unsafe name
│   └── GitConflict        the file or the branch is not what it was
└── ProviderError          one call failed at the provider
    ├── ProviderRateLimited    429; wait `retry_after` seconds
    ├── ProviderUnavailable    5xx, transport, time-out, truncated answer
    └── ProviderRejected       4xx: trying again cannot help

RenderError and OutputParseError live with the renderer and the parser, which the SDK copies byte
for byte. JobAbort is a BaseException: DSPy swallows ordinary exceptions and scores them 0.
"""

from kaizen_engine.states import StopReason


class KaizenError(Exception):
    """Root of the engine's errors; `code` is stable and safe to show."""

    code = "error"


class InvalidArtifact(KaizenError):
    code = "invalid_artifact"


class InvalidPromptFile(KaizenError):
    code = "invalid_prompt_file"


class InvalidSchema(KaizenError):
    code = "invalid_schema"


class TooFewExamples(KaizenError):
    code = "too_few_examples"


class StrategyUnavailable(KaizenError):
    code = "strategy_unavailable"


class PriceUnknown(KaizenError):
    code = "price_unknown"


class StoreUnavailable(KaizenError):
    code = "store_unavailable"


class BreakerOpen(KaizenError):
    code = "breaker_open"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GitError(KaizenError):
    """`retryable` says whether trying again can help."""

    code = "git_error"
    retryable = False


class GitUnavailable(GitError):
    code = "git_unavailable"
    retryable = True


class GitRefused(GitError):
    code = "git_refused"


class GitConflict(GitError):
    code = "git_conflict"


class ProviderError(KaizenError):
    """A failed call. `billable` means that the provider may charge for it all the same."""

    code = "provider_error"
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        billable: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.billable = billable


class ProviderRateLimited(ProviderError):
    code = "provider_rate_limited"
    retryable = True


class ProviderUnavailable(ProviderError):
    code = "provider_unavailable"
    retryable = True


class ProviderRejected(ProviderError):
    code = "provider_rejected"


class JobAbort(BaseException):
    """Stop the whole job, now; nothing below the job's boundary may catch it."""

    def __init__(self, reason: StopReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
