"""Numbers as the prose prints them: with a true minus sign, and no per cent sign left behind."""

from collections.abc import Iterable

import numpy as np

from handmlp.records import Results
from handmlp.records.comparison import NO_BREAK, Difference

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def signed(value: float, form: str = ".3f") -> str:
    """Return a number with a true minus sign; with '+' in the `form`, a sign in any case."""
    return format(value, form).replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    """Return '97.5 %' for a share of 0.975."""
    return f"{100 * share:.{digits}f}{NO_BREAK}%"


def spread(values: np.ndarray, digits: int = 1) -> str:
    """Return 'mean ± standard deviation' over seeds, in per cent, without its sign."""
    mean, std = 100 * np.mean(values), 100 * np.std(values, ddof=1)
    return f"{mean:.{digits}f}{NO_BREAK}±{NO_BREAK}{std:.{digits}f}"


def rates(results: Results) -> str:
    """Return the mean accuracy at each learning rate: '96.1 % at 0.1, 97.0 % at 0.3'."""
    means = {recipe.learning_rate: 100 * results.final(recipe).mean() for recipe in results}
    return ", ".join(f"{mean:.1f} % at {rate:g}" if np.isfinite(mean) else f"diverged at {rate:g}"
                     for rate, mean in means.items())


def points(difference: Difference, unit: float = 100, form: str = "+.2f") -> str:
    """Return a difference and its interval in brackets, short enough for a table."""
    mean, low, high = (signed(unit * value, form)
                       for value in (difference.mean, difference.low, difference.high))
    return f"{mean} ({low} to {high})"


def verdict(difference: Difference,
            unclear: str = "no difference that five seeds can show") -> str:
    """Return 'a clear gain' or 'a clear loss', or `unclear` if the interval covers zero."""
    if not difference.is_clear:
        return unclear
    return "a clear gain" if difference.mean > 0 else "a clear loss"


def listed(items: Iterable, last: str = "and") -> str:
    """Return '1, 2 and 3'."""
    *first, final = map(str, items)
    return f"{', '.join(first)} {last} {final}" if first else final


def scientific(value: float) -> str:
    """Return a number to one digit with its power of ten: '3 · 10⁻⁵'."""
    digit, exponent = f"{value:.0e}".split("e")
    return f"{signed(float(digit), 'g')} · 10{str(int(exponent)).translate(SUPERSCRIPT)}"


def matrix(values: np.ndarray) -> str:
    """Return the LaTeX of a matrix, to three digits."""
    rows = r" \\ ".join(" & ".join(f"{value:.3f}" for value in row) for row in values)
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def aligned(*rows: str) -> str:
    """Return the Markdown of a formula in rows, which stand one under another at their '&'."""
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"
