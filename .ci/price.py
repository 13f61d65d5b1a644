"""Computes what a stack costs in a month in which it gets no request, and checks that the default configuration costs
nothing beyond what every account has free of charge.

Every type of resource must have a price here, so that a new one cannot cost anything unnoticed. Prices are those of
us-east-1 in 2026, in USD a month."""

import collections
import json
import re
import sys

import stack

# Types that cost nothing at all while nothing calls them: they are billed by request, by run, by the item stored, or
# not at all. (Storage of an empty table, of an empty log and of AppConfig's few lines rounds to nothing.)
FREE_AT_REST = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Stage",
    "AWS::AppConfig::Application",
    "AWS::AppConfig::ConfigurationProfile",
    "AWS::AppConfig::HostedConfigurationVersion",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    # The invocations of publish by its rule, 8,640 a month, are less than a hundredth of what is free of charge.
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::Route53::RecordSet",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SES::EmailIdentity",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
}
ALARM_METRIC, FREE_ALARM_METRICS = 0.10, 10
HIGH_RESOLUTION_ALARM_METRIC = 0.30
DASHBOARD, FREE_DASHBOARDS, METRICS_OF_A_FREE_DASHBOARD = 3.00, 3, 50
CUSTOM_METRIC, FREE_CUSTOM_METRICS = 0.30, 10


def alarm_metrics(alarm):
    """How many metrics CloudWatch bills for an alarm. One with a learnt band counts three for its metric."""
    metrics = alarm.get("Metrics")
    if metrics is None:
        return 1
    bands = sum("ANOMALY_DETECTION_BAND" in one.get("Expression", "") for one in metrics)
    return sum("MetricStat" in one for one in metrics) + 2 * bands


def periods(alarm):
    """Seconds between two values of each metric."""
    return [alarm["Period"]] if "Period" in alarm else [one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one]


def dashboard_lines(dashboard):
    body = json.loads(dashboard["DashboardBody"])
    return [line for widget in body["widgets"] for line in widget["properties"]["metrics"]]


def custom_metrics(deployed):
    """The metrics of the product's own namespace that the stack's filters write, its alarms watch and its dashboard
    shows, without those that a search finds: Monitoring=full alone has them."""
    namespace = f"Latchkey/{stack.PSEUDO['AWS::StackName']}"
    found = set()
    for written in deployed.of_type("AWS::Logs::MetricFilter").values():
        [into] = written["MetricTransformations"]
        found.add((into["MetricName"], ()))
    for alarm in deployed.of_type("AWS::CloudWatch::Alarm").values():
        watched = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]
        for one in watched:
            if one["Namespace"] == namespace:
                found.add((one["MetricName"], tuple(part["Value"] for part in one.get("Dimensions", []))))
    for dashboard in deployed.of_type("AWS::CloudWatch::Dashboard").values():
        for line in dashboard_lines(dashboard):
            if line[0] == namespace:
                found.add((line[1], ()))
    return found


def monthly(parameters):
    """The price at rest, and the counts that it is made of."""
    deployed = stack.Stack(parameters)
    counts, price = collections.Counter(), 0.0
    for name, resource in deployed.resources.items():
        kind, properties = resource["Type"], deployed.properties(name)
        match kind:
            case "AWS::CloudWatch::Alarm":
                counts["alarm metrics"] += alarm_metrics(properties)
                if min(periods(properties)) < 60:
                    price += (HIGH_RESOLUTION_ALARM_METRIC - ALARM_METRIC) * alarm_metrics(properties)
            case "AWS::CloudWatch::Dashboard":
                counts["dashboards"] += 1
                if len(dashboard_lines(properties)) > METRICS_OF_A_FREE_DASHBOARD:
                    price += DASHBOARD
            case "AWS::DynamoDB::Table":
                # On demand: billed by request and by what is stored. AWS's own keys have no monthly price.
                if properties["BillingMode"] != "PAY_PER_REQUEST" or "StreamViewType" not in properties.get("StreamSpecification", {"StreamViewType": ""}):
                    sys.exit(f"{name}: no price is known for this kind of table")
            case "AWS::SSM::Parameter":
                if properties.get("Tier", "Standard") != "Standard":
                    sys.exit(f"{name}: only standard parameters are free")
            case _ if kind not in FREE_AT_REST:
                sys.exit(f"{name}: the price of {kind} is not known; see .ci/price.py")
        if kind == "AWS::Lambda::Alias" and "ProvisionedConcurrencyConfig" in properties:
            sys.exit(f"{name}: provisioned concurrency is billed by the hour")
    counts["custom metrics"] = len(custom_metrics(deployed))
    counts["metrics by route"] = sum(
        bool(route.get("DetailedMetricsEnabled"))
        for stage in deployed.of_type("AWS::ApiGatewayV2::Stage").values()
        for route in [stage["DefaultRouteSettings"], *stage["RouteSettings"].values()]
    )
    price += ALARM_METRIC * max(0, counts["alarm metrics"] - FREE_ALARM_METRICS)
    price += DASHBOARD * max(0, counts["dashboards"] - FREE_DASHBOARDS)
    return price, counts


CONFIGURATIONS = {
    "default": {},
    "EventBusName": {"EventBusName": "users"},
    "GradualDeployment=true": {"GradualDeployment": "true"},
    "Monitoring=full": {"Monitoring": "full"},
    "both, and a configuration set": {
        "Monitoring": "full",
        "GradualDeployment": "true",
        "ConfigurationSet": "latchkey",
        "CreateConfigurationSet": "true",
    },
}

documented = re.findall(
    r"^\| ([^|]+?) \| (\d+) \| (\d+) \| (\d+\.\d\d) \|$", (stack.TEMPLATE.parent / "docs/cost.md").read_text(), re.M
)
computed = []
for label, parameters in CONFIGURATIONS.items():
    price, counts = monthly(parameters)
    computed.append((label, str(counts["alarm metrics"]), str(counts["custom metrics"]), f"{price:.2f}"))
    print(f"{label:31} {counts['alarm metrics']:3} metrics in alarms, {counts['custom metrics']:3} custom metrics, {price:5.2f} USD at rest")
    if label == "default":
        over = [
            price > 0,
            counts["alarm metrics"] > FREE_ALARM_METRICS,
            counts["custom metrics"] > FREE_CUSTOM_METRICS,
            counts["metrics by route"] > 0,
        ]
        if any(over):
            sys.exit(f"the default configuration is not free at rest: {price:.2f} USD, {dict(counts)}")
if [tuple(cell.strip("`") for cell in row) for row in documented] != computed:
    sys.exit(f"docs/cost.md has {documented} as the price at rest, and not {computed}")
