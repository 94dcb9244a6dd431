"""What a parallel is: a study of two sides that are equal in a limit, and a verdict that its numbers give.

A parallel is a study of ``studies.memory.study`` (cases, a function of one case, claims that can fail, figures) that
also says in words what the two sides are. Its limits are claims with an error and a tolerance; its benefits are
differences between what spines add and the best that the other side has, at equal budgets. Whether it is useful for
artificial networks follows from the benefits alone: nobody writes it down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Claim, Finding, Panel, Study

Useful = Literal["yes", "no", "not shown"]
SEEDS = 10  # runs of each condition, at the least, behind every claim that is not exact


@dataclass(frozen=True)
class Limit:
    """A limit in which both sides are the same, and how far from it the runs were.

    Attributes
    ----------
    text : str, a full sentence: what equals what, and when
    error : float, the largest difference measured
    tolerance : float, how large it may be; for sampled laws several standard errors, and ``text`` says so
    unit : str, what the error is counted in
    row : number of the row of the validation table that it belongs to, or None
    """

    text: str
    error: float
    tolerance: float
    unit: str = ""
    row: int | str | None = None

    def claim(self) -> Claim:
        """Return the limit as a claim that can fail; an error that is not a number fails."""
        unit = f" {self.unit}" if self.unit else ""
        return Claim(
            self.text, f"error {self.error:.2g}{unit}, allowed {self.tolerance:.2g}",
            bool(self.error <= self.tolerance), row=self.row,
        )  # fmt: skip


@dataclass(frozen=True)
class Benefit:
    """How much better a network is with what spines add than with the best of the other side, at equal budgets.

    Attributes
    ----------
    text : str, a noun phrase: what is measured, where, and with what budget
    against : str, what it is compared with: the best alternative that was run, not the weakest
    value, error : float, the mean difference and its standard error; positive where spines are better
    count : int, how many differences there are, one per seed
    unit : str
    margin : float, the smallest difference that would matter; 0: any
    decides : bool
        Whether the verdict may rest on it. False where the rival is not the best of the other side (fixed sites,
        spines without something), or where what is compared with it is a method of the other side.
    level : float, the coverage of the interval
    """

    text: str
    against: str
    value: float
    error: float
    count: int
    unit: str = ""
    margin: float = 0.0
    decides: bool = True
    level: float = 0.95

    @classmethod
    def of(
        cls, differences: Iterable[float], text: str, *, against: str, unit: str = "", margin: float = 0.0,
        decides: bool = True,
    ) -> Benefit:  # fmt: skip
        """Return the benefit of paired differences by seed.

        Raises
        ------
        InvalidInputError
            If fewer than two finite differences are given: they have no interval.
        """
        values = np.asarray(list(differences), float)
        if len(values) < 2 or not np.isfinite(values).all():
            raise InvalidInputError(
                f"the benefit {text!r} has {len(values)} differences, {int(np.isfinite(values).sum())} of them finite."
                "\n  An interval needs one number for each of two seeds or more."
            )
        error = float(values.std(ddof=1)) / len(values) ** 0.5
        return cls(text, against, float(values.mean()), error, len(values), unit, margin, decides)

    @property
    def reach(self) -> float:
        """How far the interval reaches from the value on each side (Student's t)."""
        from scipy.stats import t

        return self.error * float(t.ppf(0.5 + self.level / 2, self.count - 1))

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - self.reach

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.reach

    @property
    def useful(self) -> Useful:
        """Yes if the whole interval lies above the margin, no if it lies below it (or at it), else not shown."""
        if self.low > self.margin:
            return "yes"
        return "no" if self.high <= self.margin else "not shown"

    @property
    def role(self) -> str:
        """What it is to the verdict, with its own answer: a heading for a line of text."""
        return f"useful: {self.useful}" if self.decides else "does not decide"

    @property
    def shown(self) -> str:
        """The difference with its interval, as text; the level is told where it is not 95 %."""
        unit = f" {self.unit}" if self.unit else ""
        level = "" if self.level == 0.95 else f" ({100 * self.level:.3g} % interval)"
        return f"{self.value:+.3g} [{self.low:+.3g}, {self.high:+.3g}]{unit}{level} against {self.against}"


@dataclass(frozen=True)
class Judged(Finding):
    """What a parallel found: figures and claims, and among them limits and benefits."""

    limits: list[Limit] = field(default_factory=list)
    benefits: list[Benefit] = field(default_factory=list)

    @property
    def useful(self) -> Useful:
        """Whether spines add something to artificial networks, by the benefits that decide: yes if one is, no if none.

        Not shown where some interval has the margin inside, or where no benefit decides.
        """
        answers = {benefit.useful for benefit in self.benefits if benefit.decides}
        if "yes" in answers:
            return "yes"
        return "no" if answers == {"no"} else "not shown"

    @property
    def holds_to(self) -> str:
        """How far from equal the sides were in each limit, as text."""
        return "; ".join(f"{limit.error:.1g}{' ' + limit.unit if limit.unit else ''}" for limit in self.limits)


def chosen_by_others(scores: np.ndarray, test: np.ndarray | None = None) -> np.ndarray:
    """Return each seed's score at the setting that is best on the mean of all other seeds: no seed tunes itself.

    Parameters
    ----------
    scores : Array, shape (seeds, settings), more is better; what diverged is NaN and never chosen, if another is finite
    test : Array, same shape, or None
        Scores on samples that must not choose; the chosen setting's are returned from here. None: from ``scores``.

    Examples
    --------
    >>> chosen_by_others(np.array([[1.0, 2.0], [1.0, 3.0], [5.0, 2.0]])).tolist()
    [1.0, 1.0, 2.0]
    """
    seeds, ranked = len(scores), np.where(np.isfinite(scores), scores, -1e300)
    others = [ranked[np.arange(seeds) != seed].mean(axis=0) for seed in range(seeds)]
    told = scores if test is None else test
    return np.array([told[seed, int(mean.argmax())] for seed, mean in enumerate(others)])


def shown(values: Sequence[float] | np.ndarray, unit: str = "", digits: int = 2) -> str:
    """Return a mean over seeds with its 95 % interval as text.

    Examples
    --------
    >>> shown([1.0, 2.0, 3.0], " %", 1)
    '2.0 [-0.5, 4.5] %'
    """
    middle, low, high = mean_interval(np.asarray(values, float))
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]{unit}"


def above(values: Sequence[float] | np.ndarray, limit: float = 0.0) -> bool:
    """Tell whether the whole 95 % interval of a mean over seeds lies above a limit (NaN: it does not)."""
    return bool(mean_interval(np.asarray(values, float))[1] > limit)


def below(values: Sequence[float] | np.ndarray, limit: float = 0.0) -> bool:
    """Tell whether the whole 95 % interval of a mean over seeds lies below a limit (NaN: it does not)."""
    return bool(mean_interval(np.asarray(values, float))[2] < limit)


def judged(
    panels: Sequence[Panel], claims: Sequence[Claim], *, limits: Sequence[Limit], benefits: Sequence[Benefit] = ()
) -> Judged:
    """Return what a parallel found; each limit becomes the first of its claims.

    With k benefits that decide each has an interval of level 1 - 0.05/k (Bonferroni), so that all of them together
    cover the true differences with 95 % at the least.
    """
    level = 1.0 - 0.05 / max(1, sum(benefit.decides for benefit in benefits))
    weighed = [replace(benefit, level=level) if benefit.decides else benefit for benefit in benefits]
    return Judged(list(panels), [*(limit.claim() for limit in limits), *claims], list(limits), weighed)


@dataclass(frozen=True, kw_only=True)
class Parallel(Study):
    """One comparison of spines with machine learning.

    ``question``, ``model`` and what else a study has are as in :class:`spinula.studies.memory.study.Study`; a trial is
    the fast size. ``conclude`` returns a :class:`Judged`.

    Attributes
    ----------
    biology, learning : str, what the two sides are, a sentence or two each
    link : str, the mathematical link in plain words
    formula : str, the same as plain text formulas, one per line
    exact : str, the limit in which it is exact
    breaks : str, where it breaks
    cost : str, what it costs or buys, in operations, memory or tuned numbers
    budgets : tuple of (side, what it was given): both sides' tuning, data and steps, as printed
    """

    biology: str
    learning: str
    link: str
    formula: str
    exact: str
    breaks: str
    cost: str
    budgets: tuple[tuple[str, str], ...]
