"""Compares the figures of README.md with the measured ones of docs/performance.md, and with the sums of docs/cost.md."""

import re

from blocks import ROOT
from cost import number, rows

# The columns of README.md's table, and the rows of docs/performance.md that they are from.
CONTESTANTS = ("`get_user`", "`node`", "`python`")


def measured(text, start):
    """The rows of the table whose head starts with `start`, by their first cell; of each figure only the median."""
    lines = text[text.index(f"\n| {start} |") :].strip().split("\n\n")[0].splitlines()
    head, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(head, (cell.split(" (")[0] for cell in row))) for row in body[1:]}


def check_figures():
    """Yields where README.md differs."""
    readme, performance, cost = [(ROOT / name).read_text() for name in ("README.md", "docs/performance.md", "docs/cost.md")]
    warm, tls = measured(performance, "| Start ms"), measured(performance, "Over TLS")
    expected = [
        [float(tls[one]["Cold and first call ms"]) for one in CONTESTANTS],
        [float(warm[one]["CPU µs a call"]) / 1000 for one in CONTESTANTS],
        [float(warm[one]["Peak MiB"]) for one in CONTESTANTS],
    ]
    for (label, *shown), values in zip(rows(readme, "Fast, small, cheap"), expected, strict=True):
        for text, value in zip(shown, values, strict=True):
            figure = text.split()[0]
            # README.md may leave out digits, but it rounds correctly.
            if abs(float(figure) - value) > 0.5 * 10 ** -len(figure.partition(".")[2]) + 1e-9:
                yield f"README.md: {label} is {value} in docs/performance.md, and not {text}"
    date = re.search(r"^\| Date \| (\S+) ", performance, re.MULTILINE)[1]
    if f"Measured on {date}:" not in readme:
        yield f"README.md: the figures of docs/performance.md were measured on {date}"
    prose, sums = " ".join(readme.split()), rows(cost)
    for pattern, row in ((r"(\d+) USD a month for a thousand users", sums[1]), (r"A hundred thousand active users cost (\d+) USD a month", sums[2])):
        if re.findall(pattern, prose) != [row[1]]:
            yield f"README.md: {row[0]} cost {row[1]} USD a month in docs/cost.md"
    beside = [number(row[2]) for row in rows(cost, "Beside hosted services")[1:] if row[2][0].isdigit()]
    if f"charge {min(beside):,.0f} to {max(beside):,.0f}" not in prose:
        yield f"README.md: hosted services charge {min(beside):,.0f} to {max(beside):,.0f} in docs/cost.md"
