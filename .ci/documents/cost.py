"""Computes the tables of docs/cost.md again, from the prices and the use that the page states."""

import math
import re

from blocks import ROOT

USERS = (1_000, 100_000, 10_000_000)
USERS_BESIDE_HOSTED = (10_000, 100_000, 1_000_000)
# API Gateway charges less for what exceeds this number of requests.
FIRST_REQUESTS, FURTHER_SHARE = 300e6, 0.9
# Each request of the table of use: its name in ARCHITECTURE.md, and the reads and writes that limits by source add.
MEASURED = {
    "`get_user`": ("get_user", 0, 0),
    "`log_in`, right": ("log_in, right or wrong, known or unknown", 1, 2),
    "`log_in`, wrong": ("log_in, right or wrong, known or unknown", 1, 1),
    "`log_out`": ("log_out", 0, 0),
    "`update_details`: names": ("update_details: names, or another spelling of the address", 0, 0),
    "… password": ("update_details: password", 0, 0),
    "… address": ("update_details: another address", 1, 2),
    "`reset_password`": ("reset_password", 1, 1),
    "`reset_password_complete`": ("reset_password_complete", 1, 1),
    "`sign_up`": ("sign_up", 1, 1),
}


def rows(text, heading=None):
    """The cells of the first table of a text, or below a heading, without its head."""
    below = text if heading is None else re.split(rf"^## {re.escape(heading)}\n", text, flags=re.MULTILINE)[1].split("\n## ")[0]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def prices(text, column):
    """Each price by its sign; a sum such as `0.25 + 0.20` is added up."""
    found = {}
    for row in rows(text, "Prices"):
        if row[1]:
            terms = [term.split("×") for term in row[column].split("+")]
            found[row[1].strip("`")] = sum(math.prod(map(float, factors)) for factors in terms)
    return found


def use(text):
    """Requests, mails, read units, write units and GB-seconds of one user in a month."""
    requests = mails = reads = writes = hashes = 0.0
    for name, times, read, write, hashing in rows(text, "Use"):
        times = float(times)
        reads += times * float(read)
        writes += times * float(write)
        if "send_mail" in name:
            mails += times
        else:
            requests += times
            hashes += times if hashing else 0.0
    seconds = hashes * 0.050 * 1769 / 1024 + (requests - hashes) * 0.015 * 0.25 + mails * 0.100 * 0.25
    return {"Q": requests, "M": mails, "R": reads, "W": writes, "G": seconds}


def month(users, one, price):
    """The lines of a month's bill, in the order of the table, without what does not depend on users."""
    requests = users * one["Q"]
    calls = min(requests, FIRST_REQUESTS) + max(requests - FIRST_REQUESTS, 0) * FURTHER_SHARE
    return [
        calls * price["a"] / 1e6,
        users * (one["Q"] + one["M"]) * price["l"] / 1e6 + users * one["G"] * price["g"],
        users * (one["R"] * price["r"] + one["W"] * price["w"]) / 1e6,
        users * 1.5 * price["s"] / 1e6,
        users * one["M"] * price["m"] / 1e3,
        users * one["Q"] * 1.5 * price["c"] / 1e6,
    ]


def number(text):
    return float(text.strip("* ").replace(",", ""))


def hosted(plan, users):
    """The price of a plan of a hosted service, or None if it states no price for so many users."""
    _, base, included, further, _ = plan
    price, paid = number(base), number(included)
    # Each step: the price of a user, and the number of users up to which it is stated.
    for step, limit in re.findall(r"([\d.]+)(?: up to ([\d,]+))?(?:, then |$)", further):
        end = min(users, number(limit)) if limit else users
        price += max(0, end - paid) * float(step)
        paid = max(paid, end)
    return price if paid >= users else None


def check_hosted(text, one):
    """Yields what is wrong with the sums beside hosted services."""
    plans = rows(text, "Prices of hosted services")
    [ours, *sums] = rows(text, "Beside hosted services")
    if [row[0] for row in sums] != [plan[0] for plan in plans]:
        yield "docs/cost.md: the plans of hosted services are not those that have prices"
    fixed = number(rows(text, "A month with `n` users")[6][2])
    for column, users in enumerate(USERS_BESIDE_HOSTED, 1):
        total = sum(month(users, one, prices(text, 2))) + fixed
        if abs(number(ours[column]) - total) > 0.006:
            yield f"docs/cost.md: Latchkey costs {total:.2f} for {users:,} users, and not {ours[column]}"
        for plan, row in zip(plans, sums):
            price = hosted(plan, users)
            if (row[column] not in ("–", "by contract")) if price is None else (row[column] != f"{price:,.0f}"):
                yield f"docs/cost.md: {row[0]} costs {price} for {users:,} users, and not {row[column]}"
    often = use(text.replace("| `get_user` | 60 |", "| `get_user` | 600 |"))
    total = sum(month(1_000_000, often, prices(text, 2))) + fixed
    if f"costs more, {total:,.0f} USD for a million" not in " ".join(text.split()):
        yield f"docs/cost.md: a million users who read 600 times cost {total:,.0f}"


def check_use(text):
    """Yields where the table of use differs from what ARCHITECTURE.md states, which tests measure."""
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    measured = {name: [int(re.match(r"\d+", one)[0]) for one in units] for name, *units in rows(architecture, "What a request costs")}
    for name, _, *units, _ in rows(text, "Use"):
        if name in MEASURED:
            request, reads, writes = MEASURED[name]
            expected = [measured[request][0] + reads, measured[request][1] + writes]
            if [int(one) for one in units] != expected:
                yield f"docs/cost.md: {name} takes {expected} units, and not {units}"
        elif "send_mail" not in name:
            yield f"docs/cost.md: {name} is not in MEASURED"


def check_cost():
    """What is wrong with the sums of the page."""
    text = (ROOT / "docs/cost.md").read_text()
    one, problems = use(text), list(check_use(text))
    for letter, value in one.items():
        stated = float(re.search(rf"`{letter}` = (?:[^`=]*= )?([\d.]+)", text)[1])
        if abs(stated - value) > 0.5 * 10 ** -len(str(stated).partition(".")[2]) + 1e-9:
            problems.append(f"docs/cost.md: {letter} is {value:.4f}, and not {stated}")
    table = rows(text, "A month with `n` users")
    in_use = float(re.search(r"billed: up to ([\d.]+) USD", text)[1])
    for column, users in enumerate(USERS, 2):
        fixed = number(table[6][column])
        if fixed != in_use:
            problems.append(f"docs/cost.md: metrics cost {in_use} in full use, and not {fixed}")
        for line, value in enumerate(month(users, one, prices(text, 2))):
            if abs(number(table[line][column]) - value) > 0.006:
                problems.append(f"docs/cost.md: {table[line][0]} for {users:,} users is {value:.2f}, and not {table[line][column]}")
        for line, price in ((7, prices(text, 2)), (8, prices(text, 3))):
            total = sum(month(users, one, price)) + fixed
            if abs(number(table[line][column]) - total) > 0.011:
                problems.append(f"docs/cost.md: {table[line][0]} for {users:,} users is {total:.2f}, and not {table[line][column]}")
    # The short table at the top.
    for row, users in zip(rows(text)[1:4], table[7][2:]):
        if number(row[1]) != round(number(users)):
            problems.append(f"docs/cost.md: {row[0]} cost {users}, and not {row[1]}")
    return problems + list(check_hosted(text, one))

