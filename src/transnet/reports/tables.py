"""Tables with aligned columns, for a terminal, a Markdown document or LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

Lines = Sequence[Sequence[str]]
"""The headings, then rows of the same length."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{letter: rf"\{letter}" for letter in "&%$#_{}"},
}


def plain_columns(lines: Lines) -> str:
    """Lines of text, two spaces between columns."""
    return "\n".join("  ".join(line).rstrip() for line in _padded(lines))


def markdown_columns(lines: Lines) -> str:
    """A Markdown table."""
    headings, *rows = _padded(lines)
    rule = ["-" * len(heading) for heading in headings]
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, rule, *rows))


def latex_columns(lines: Lines) -> str:
    """A LaTeX ``tabular``, which needs no package.

    Example:
        >>> print(latex_columns([["split", "top-1, %"], ["paper", "93.79 ± 1.93"]]))
        \\begin{tabular}{ll}
        \\hline
        split & top-1, \\%            \\\\
        \\hline
        paper & 93.79 $\\pm$ 1.93 \\\\
        \\hline
        \\end{tabular}
    """
    escaped = [
        ["".join(_LATEX.get(letter, letter) for letter in text) for text in line] for line in lines
    ]
    heading, *rows = (rf"{' & '.join(line)} \\" for line in _padded(escaped))
    begin = rf"\begin{{tabular}}{{{'l' * len(escaped[0])}}}"
    return "\n".join([begin, r"\hline", heading, r"\hline", *rows, r"\hline", r"\end{tabular}"])


def _padded(lines: Lines) -> list[list[str]]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in lines]
