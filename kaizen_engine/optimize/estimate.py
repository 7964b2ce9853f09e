"""How many calls, tokens and dollars a job will take, said before it starts.

Pure arithmetic over the optimizers' call formulas. The upper figure holds for any run without
failed tries and is never more than twice the lower one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from kaizen_engine.llm.types import Price

_FIXED_CANDIDATES = 3  # without demonstrations, labelled ones only, unshuffled bootstrapping
_ATTEMPTS_PER_DEMO = 8
_MILLION = Decimal(1_000_000)
_CENT_OF_A_CENT = Decimal("0.0001")


@dataclass(frozen=True)
class BootstrapSettings:
    """`num_trials` random candidates beside three fixed ones, and demonstrations in each.

    `max_demos` bounds all demonstrations of a prompt, `max_bootstrapped_demos` those among them
    that the model answered itself; an answer scored below `good_score` is none.
    """

    num_trials: int = 6
    max_demos: int = 16
    max_bootstrapped_demos: int = 4
    good_score: float = 0.8

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "BootstrapSettings":
        """Read a job's settings, kept within limits; unknown names are left to others."""
        return cls(
            num_trials=_within(settings, "num_trials", cls.num_trials, 1, 15),
            max_demos=_within(settings, "max_demos", cls.max_demos, 1, 24),
            max_bootstrapped_demos=_within(
                settings, "max_bootstrapped_demos", cls.max_bootstrapped_demos, 1, 8
            ),
            good_score=float(settings.get("good_score", cls.good_score)),
        )

    @property
    def candidates(self) -> int:
        return self.num_trials + _FIXED_CANDIDATES

    def attempts(self, train: int, dev: int) -> int:
        """Return how many train rows a candidate may try to answer for its demonstrations."""
        return min(train, dev, _ATTEMPTS_PER_DEMO * self.max_bootstrapped_demos)


@dataclass(frozen=True)
class Rows:
    """How many usable rows each split has."""

    train: int
    dev: int
    test: int


@dataclass(frozen=True)
class MeanTokens:
    """Mean tokens of a call: the seed prompt with its input, one demonstration, the answer."""

    prompt: float
    demo: float
    answer: float


@dataclass(frozen=True)
class Estimate:
    """A range; dollars are None where no price is known."""

    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    usd_low: Decimal | None
    usd_high: Decimal | None


def estimate_job(
    rows: Rows,
    tokens: MeanTokens,
    price: Price | None,
    settings: Mapping[str, Any] | None = None,
    strategy: str = "bootstrap",
) -> Estimate:
    """Return the range for one job: baseline, search, winner again, both on the hold-out.

    Raises LookupError for a strategy without a formula.
    """
    if strategy != "bootstrap":
        message = f"no call formula for the strategy {strategy!r}"
        raise LookupError(message)
    chosen = BootstrapSettings.of(settings or {})
    low, high = _bootstrap_calls(rows, chosen)
    demos = min(chosen.max_demos, rows.train)
    plain = tokens.prompt
    laden = tokens.prompt + demos * tokens.demo
    return Estimate(
        calls_low=low.total,
        calls_high=high.total,
        tokens_low=low.tokens(plain, laden, tokens.answer),
        tokens_high=high.tokens(plain, laden, tokens.answer),
        usd_low=None if price is None else low.usd(plain, laden, tokens.answer, price),
        usd_high=None if price is None else high.usd(plain, laden, tokens.answer, price),
    )


@dataclass(frozen=True)
class _Calls:
    """Calls with the seed's prompt, and calls with demonstrations in it."""

    plain: int
    laden: int

    @property
    def total(self) -> int:
        return self.plain + self.laden

    def tokens(self, plain: float, laden: float, answer: float) -> int:
        return round(self._input(plain, laden) + self.total * answer)

    def usd(self, plain: float, laden: float, answer: float, price: Price) -> Decimal:
        spent = Decimal(self._input(plain, laden)) * price.input_usd_per_mtok
        spent += Decimal(self.total * answer) * price.output_usd_per_mtok
        return (spent / _MILLION).quantize(_CENT_OF_A_CENT, rounding=ROUND_UP)

    def _input(self, plain: float, laden: float) -> float:
        return self.plain * plain + self.laden * laden


def _bootstrap_calls(rows: Rows, settings: BootstrapSettings) -> tuple[_Calls, _Calls]:
    """Count calls: candidates x dev, the hold-out twice, and what may come on top.

    The journal answers the baseline and the winner's second scoring where it can, so they count
    in the upper figure only, with the attempts to answer train rows.
    """
    searched = (settings.candidates - 1) * rows.dev
    attempts = (settings.num_trials + 1) * settings.attempts(rows.train, rows.dev)
    low = _Calls(plain=rows.dev + rows.test, laden=searched + rows.test)
    high = _Calls(plain=2 * rows.dev + rows.test, laden=searched + attempts + rows.dev + rows.test)
    return low, high


def _within(settings: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    asked = settings.get(name)
    return max(low, min(high, default if asked is None else int(asked)))
