"""What `bench/load` measured, as lines and as a page of Markdown."""

HEAD = """# Load

Written by `bench/load`; do not edit.

One local server, built for release, with its embedded DynamoDB (SQLite, in memory) and its mailbox in the same process.
These are figures of the whole of that on one machine: in the cloud each request has a Lambda of its own and DynamoDB is
elsewhere, so they say where the code's own work is and that nothing breaks or leaks, not what AWS will do.

**Client and server share the cores**: {client} takes processor time from the server that it measures, as does whatever
else runs on the machine, so the rates are lower than the server alone would reach. Nothing is pinned.

| | |
|---|---|
| Date | {date} |
| Commit | {commit} |
| Command | `{command}` |
| Processor | {processor}, {cores} cores |
| Memory | {memory_gib} GiB |
| Kernel | {kernel} |
| Load average before | {load_before:.2f} |
"""

STEPS = """
## Rising rates

Requests are sent at the rate that is asked for, {seconds:g} s a step, whether or not those before were answered, over at most
{connections} connections. A time counts from when a request was due, so that waiting for a connection counts as well. A rate
is kept up if every answer is a 200, {achieved_bound:.0%} of it was achieved, and 99 % of the answers came within
{p99_bound:g} s. The last line of each table is the first rate that was not.

- get_user: one user reads the own account, again and again.
- log_in: {users} users, drawn at random, with the right password: one Argon2id each, and one write.
- reset_password: each step has new users, three for each request, drawn at random; most requests are a user's first, and
  the answer waits until the mail is delivered. *Mails* counts those; the others fall into the cool-down and write nothing.

Users are copies in the table of one that signed up. Times are in milliseconds, CPU is in seconds of processor time.
"""

TABLE = """
### {name}: {knee:g} requests a second

| Asked | Achieved | p50 | p95 | p99 | Max | Answers | {extra}Server CPU | Client CPU | Memory MiB |
|---|---|---|---|---|---|---|{rule}---|---|---|
"""

SOAK = """
## Soak

The three at once for {seconds:g} s, each at a sixth of its own highest rate, so that together they take about half of what
the server can do; {users} users, drawn at random, after a warm-up that gives each of them all the sessions one may have.
A user gets a mail every two minutes at most, so nearly all answers of reset_password are those of the cool-down, and after
five mails 429s, which are right. On {date}, commit {commit}, `{command}`, load average before {load_before:.2f}.

| | Asked | Achieved | p50 | p95 | p99 | Max | Answers |
|---|---|---|---|---|---|---|---|
"""

TREND = """
Server: {server_cpu:.0f} s of processor time. Memory, over the second half: {mean:.1f} MiB on average; a straight line
through the samples goes {drift:+.2f} MiB in that time, and they lie {noise:.2f} MiB (one standard deviation) around it:
**{verdict}** (a drift of at most two deviations, or one percent, is flat). What is stored grows meanwhile: each mail that is
sent leaves its item and the stream's records of it, which the embedded DynamoDB keeps in memory. Every two minutes each user's
cool-down ends and a mail is sent; steps at those moments are these.

| Second | Memory MiB |
|---|---|
"""


def times(row):
    return " | ".join(f"{row[name] * 1000:.1f}" for name in ("p50", "p95", "p99", "max"))


def answers(row):
    found = [f"{number} × {status}" for status, number in sorted(row["statuses"].items())]
    return ", ".join(found + [f"{number} × {error}" for error, number in sorted(row["errors"].items())])


def line(row):
    """A step as one line."""
    mails = f" | {row['mails']}" if "mails" in row else ""
    costs = f"{row['server_cpu']:.1f} | {row['client_cpu']:.1f} | {row['memory'] / 1024:.1f}"
    return f"{row['asked']:g} | {row['achieved']:.1f} | {times(row)} | {answers(row)}{mails} | {costs}"


def page(results):
    text = HEAD.format(**results["machine"]) + STEPS.format(**results)
    for name, rows in results["steps"].items():
        extra, rule = ("Mails | ", "---|") if name == "reset_password" else ("", "")
        text += TABLE.format(name=name, knee=results["knees"][name], extra=extra, rule=rule)
        text += "".join(f"| {line(row)} |\n" for row in rows)
    return text + (soak(results["soak"]) if "soak" in results else "")


def soak(found):
    text = SOAK.format(**{**found["machine"], **found})
    for name, row in found["rows"].items():
        text += f"| {name} | {row['asked']:.1f} | {row['achieved']:.1f} | {times(row)} | {answers(row)} |\n"
    sizes = {name: found[name] / 1024 for name in ("mean", "drift", "noise")}
    verdict = "memory is flat" if found["flat"] else "memory is not flat"
    text += TREND.format(server_cpu=found["server_cpu"], verdict=verdict, **sizes)
    # A line a minute will do; load.json has them all.
    minute = max(1, len(found["memory"]) // 10)
    return text + "".join(f"| {second:.0f} | {size / 1024:.1f} |\n" for second, size in found["memory"][::minute])
