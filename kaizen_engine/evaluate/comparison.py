"""What a paired comparison of two prompts found; free of numpy, so that web code may read it."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["mcnemar_tango", "sign_flip"]


@dataclass(frozen=True)
class Comparison:
    """Gains are after minus before, in points of [-1, 1].

    `low` and `high` bound the gain at level 1 - 2 alpha; `p` is one-sided, for "after is better";
    `units` are the groups that were flipped (rows, where nothing is grouped); `discordant` and
    `spread` (standard deviation of a row's difference) carry what planning more rows needs.
    `degenerate` names data that was decided by rule, empty otherwise.
    """

    gain: float
    low: float
    high: float
    p: float
    n: int
    units: int
    discordant: int
    fixed: int
    broken: int
    alpha: float
    minimum_effect: float
    method: Method
    spread: float
    degenerate: str = ""

    @property
    def better(self) -> bool:
        """Test and interval agree, and the gain is worth a release."""
        worth_it = self.gain >= self.minimum_effect - 1e-9
        return self.p < self.alpha and self.low > 0 and worth_it

    @property
    def level(self) -> float:
        return 1 - 2 * self.alpha


@dataclass(frozen=True)
class DevGain:
    """The winner's gain on dev, corrected for having been chosen there.

    `gain`, `low` and `high` are mean and quantiles (alpha, 1 - alpha) over `draws` resamplings;
    `naive` is the gain as it reads on the `n` deciding rows, `discordant` of which differ.
    """

    gain: float
    low: float
    high: float
    naive: float
    n: int
    discordant: int
    candidates: int
    alpha: float
    minimum_effect: float
    draws: int

    @property
    def level(self) -> float:
        return 1 - 2 * self.alpha
