"""Plays every fault of the table in docs/operating.md on the alarms of the translated template, in both levels of
monitoring: the alarms that the table names go off, and no others.

A fault is what CloudWatch would get: metrics of a minute, by name, and lines in a function's log, which go through the
stack's own filters."""

import re
import sys

import stack

OURS = f"Latchkey/{stack.PSEUDO['AWS::StackName']}"
# Minutes that are played. A fault lasts for the first of them.
MINUTES = 60
# CloudWatch learns this band from two weeks of data; there is nothing to play.
LEARNT = "UnusualLogInsAlarm"


def log(level, message, error=None):
    """A line as the functions write it."""
    fields = {"message": message, **({"error": error} if error else {})}
    return {"level": level, "fields": fields, "target": "shared::lambda", "span": {"name": "request", "request_id": "1"}}


def report(status):
    """A line as Lambda writes it after a call."""
    record = {"requestId": "1", "metrics": {"durationMs": 15000.0}, "status": status}
    return {"time": "2026-01-31T12:00:00.000Z", "type": "platform.report", "record": record}


def lambdas(metric, value):
    """The metric of one function of each alarm over functions."""
    return {("AWS/Lambda", metric, f"<{function}>"): value for function in ("LogInFunction", "JwksFunction")}


# Fault: minutes that it lasts, metrics in each of them, and lines in a function's log in each of them: send_mail's for
# those about mails, publish's for those about events, log_in's for all others.
FAULTS = {
    "a function responds with 500": (1, {}, [log("ERROR", "failed"), report("success")]),
    "a function panics": (1, {}, [log("ERROR", "failed", "the handler panicked")]),
    "a function crashes": (1, lambdas("Errors", 1), [report("error")]),
    "a function times out": (1, lambdas("Errors", 1), [report("timeout")]),
    "a function runs out of memory": (1, lambdas("Errors", 1), [report("failure")]),
    "over 1 % of the responses are 5xx": (
        5,
        {("AWS/ApiGateway", "5xx", "<Api>"): 2, ("AWS/ApiGateway", "Count", "<Api>"): 100},
        [],
    ),
    "DynamoDB cannot be reached": (5, {(OURS, "unavailable"): 1}, [log("WARN", "unavailable", "timeout")]),
    "a permission is missing, or a table": (1, {}, [log("ERROR", "request failed", "AccessDenied"), report("success")]),
    "a table throttles": (
        5,
        {(OURS, "unavailable"): 1, ("AWS/DynamoDB", "WriteThrottleEvents", "<UsersTable>"): 3},
        [log("WARN", "unavailable", "Throttling")],
    ),
    "concurrency runs out": (5, {("AWS/Lambda", "Throttles"): 4, **lambdas("Throttles", 4)}, []),
    "mails wait in the stream": (5, {("AWS/Lambda", "IteratorAge", "<SendMailFunction>"): 400_000}, []),
    "mails cannot be sent at present": (15, {(OURS, "mail_failed"): 1}, [log("WARN", "mail could not be sent and will be retried")]),
    "SES refuses a mail permanently": (1, {(OURS, "mail_failed"): 1}, [log("WARN", "SES rejected a mail to its recipient")]),
    "a mail is given up": (1, {(OURS, "mail_failed"): 1}, [log("ERROR", "mail was given up after many retries")]),
    "one address gets too many mails": (5, {(OURS, "limited"): 30}, [log("WARN", "mail dropped: its recipient had too many in 24 hours")]),
    "the stream gives up on mails": (1, {("AWS/SQS", "ApproximateNumberOfMessagesVisible", "<MailFailureQueue.QueueName>"): 1}, []),
    "events cannot be published": (15, {(OURS, "event_late"): 1}, [log("ERROR", "event could not be published for minutes and will be retried")]),
    "publish crashes on events": (1, {("AWS/Lambda", "Errors", "<PublishFunction>"): 1}, [report("error")]),
    "passwords are guessed": (5, {(OURS, "log_in_failed"): 30}, [log("INFO", "refused")]),
    "one source floods a limited route": (5, {(OURS, "limited"): 30}, [log("INFO", "refused")]),
    "send_mail is not called at all": (1, {(OURS, "reset_requested"): 1}, []),
    "requests are slow": (5, {("AWS/ApiGateway", "Latency", "<Api>"): 3000}, []),
    # No fault: what happens all day.
    "nothing": (
        MINUTES,
        {
            ("AWS/ApiGateway", "Count", "<Api>"): 500,
            ("AWS/ApiGateway", "5xx", "<Api>"): 0,
            ("AWS/ApiGateway", "Latency", "<Api>"): 80,
            ("AWS/Lambda", "Throttles"): 0,
            ("AWS/Lambda", "IteratorAge", "<SendMailFunction>"): 900,
            **lambdas("Errors", 0),
            (OURS, "log_in_failed"): 5,
            (OURS, "limited"): 1,
            (OURS, "reset_requested"): 2,
            (OURS, "mail_sent"): 2,
        },
        [log("INFO", "answered"), log("WARN", "nothing could be read before the first request"), report("success")],
    ),
}


def matches(pattern, line):
    """CloudWatch's filter pattern for JSON, as far as the template uses it: ==, !=, &&, || and brackets. A comparison
    with a property that is not there is false."""
    text = re.fullmatch(r"\{ (.*) \}", pattern)[1]

    def compare(match):
        value = line
        for name in match[1].split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return str(value is not None and (value == match[3]) == (match[2] == "="))

    text = re.sub(r'\$\.([\w.]+) (=|!=) "([^"]*)"', compare, text)
    return eval(text.replace("&&", " and ").replace("||", " or "), {"__builtins__": {}})


def key(metric):
    return (metric["Namespace"], metric["MetricName"], *(one["Value"] for one in metric.get("Dimensions", [])))


def played(deployed, fault):
    """Each metric's values by minute, None where there is none."""
    minutes, metrics, lines = FAULTS[fault]
    series = {name: [value] * minutes + [None] * (MINUTES - minutes) for name, value in metrics.items()}
    topics = {"mail": "<SendMailLog>", "event": "<PublishLog>"}
    group = next((log for topic, log in topics.items() if topic in fault), "<LogInLog>")
    for one in deployed.of_type("AWS::Logs::MetricFilter").values():
        if one["LogGroupName"] == group:
            [into] = one["MetricTransformations"]
            count = sum(matches(one["FilterPattern"], line) for line in lines)
            if count:
                name = (into["MetricNamespace"], into["MetricName"])
                series[name] = [count * float(into["MetricValue"])] * minutes + [None] * (MINUTES - minutes)
    return series


def windows(series, metric, period, statistic):
    """The metric's value in each period, None where it has no data."""
    values = series.get(key(metric), [None] * MINUTES)
    size = period // 60
    found = []
    for start in range(0, MINUTES, size):
        data = [one for one in values[start : start + size] if one is not None]
        found.append((sum(data) if statistic == "Sum" else max(data)) if data else None)
    return found


def calculated(expression, values):
    """One value of a metric math expression. A metric without data leaves the value out, unless FILL or SUM hides it."""
    names = {
        "IF": lambda condition, yes, no: yes if condition else no,
        "FILL": lambda value, other: other if value is None else value,
        "SUM": lambda given: sum(one for one in given if one is not None),
        "METRICS": lambda: list(values.values()),
        **values,
    }
    if all(one is None for one in values.values()):
        return None
    try:
        return eval(expression.replace(" AND ", " and "), {"__builtins__": {}}, names)
    except TypeError:
        return None


def goes_off(alarm, series):
    if "Metrics" in alarm:
        stats = {one["Id"]: one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one}
        [expression] = [one["Expression"] for one in alarm["Metrics"] if one["ReturnData"]]
        by_name = {name: windows(series, one["Metric"], one["Period"], one["Stat"]) for name, one in stats.items()}
        values = [calculated(expression, dict(zip(by_name, row))) for row in zip(*by_name.values())]
    else:
        values = windows(series, alarm, alarm["Period"], alarm.get("Statistic"))
    threshold = float(alarm["Threshold"])
    over = {"GreaterThanThreshold": float.__gt__, "GreaterThanOrEqualToThreshold": float.__ge__}[alarm["ComparisonOperator"]]
    if alarm["TreatMissingData"] != "notBreaching":
        raise ValueError("only notBreaching is known")
    breaching = [value is not None and over(float(value), threshold) for value in values]
    length, needed = alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
    padded = [False] * (length - 1) + breaching
    return any(sum(padded[end - length : end]) >= needed for end in range(length, len(padded) + 1))


text = (stack.TEMPLATE.parent / "docs/operating.md").read_text()
_, table = text.split("| Fault | Alarm in `basic` | More precise in `full` |\n", 1)
rows = [line.strip("|").split("|") for line in table.split("\n\n")[0].splitlines()[1:]]
documented = {fault.strip(): tuple(set(re.findall(r"`(\w+)`", cell)) for cell in cells) for fault, *cells in rows}
problems = []
if set(documented) != set(FAULTS) - {"nothing"}:
    problems.append(f"played or documented alone: {set(documented) ^ (set(FAULTS) - {'nothing'})}")
announced = set()
for level in ("basic", "full"):
    deployed = stack.Stack({"Monitoring": level, "EventBusName": "users"})
    alarms = {name: one for name, one in deployed.of_type("AWS::CloudWatch::Alarm").items() if name != LEARNT}
    for fault in FAULTS:
        series = played(deployed, fault)
        rung = {name for name, alarm in alarms.items() if goes_off(alarm, series)}
        basic, full = documented.get(fault, (set(), set()))
        expected = (basic | full if level == "full" else basic) - {LEARNT}
        announced |= rung
        if rung != expected:
            problems.append(f"{level}, {fault}: {sorted(rung) or 'no alarm'}, and not {sorted(expected) or 'none'}")
    silent = set(alarms) - announced
    if silent:
        problems.append(f"{level}: no fault sets off {sorted(silent)}")

if problems:
    sys.exit("\n".join(problems))
print(f"alarms: {len(FAULTS) - 1} faults played in both levels, each announced by the alarms of docs/operating.md")
