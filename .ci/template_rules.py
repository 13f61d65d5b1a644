"""Checks what template.yaml and samconfig.toml promise, on the stack that a deployment would create: what a linter
cannot know, and what goes wrong on AWS alone."""

import fnmatch
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

import stack
from samcli.commands.deploy.auth_utils import auth_per_resource
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

ROOT = stack.TEMPLATE.parent
BUILT = ".aws-sam/build/template.yaml"

problems = []


def check(holds, problem):
    if not holds:
        problems.append(problem)


def api(parameters=None):
    [found] = stack.Stack(parameters).of_type("AWS::ApiGatewayV2::Api").values()
    return found


def roles(deployed):
    """Each function with its role's statements, which are all its own: a managed policy is attached too late."""
    for name, function in deployed.of_type("AWS::Lambda::Function").items():
        role = function["Role"].removeprefix("<").removesuffix(".Arn>")
        policies = deployed.of_type("AWS::IAM::Role")[role]["Policies"]
        yield name, [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]


# --- CORS, as API Gateway reads it: an object with every rule, for one origin, several and none.

METHODS = {method.upper() for methods in api()["Body"]["paths"].values() for method in methods}
RULES = {"exposeHeaders": ["retry-after", "www-authenticate"], "maxAge": 600}
# With credentials, `*` is no wildcard for a browser.
CREDENTIALS = {
    "false": {"allowCredentials": False, "allowHeaders": ["*", "authorization"]},
    "true": {"allowCredentials": True, "allowHeaders": ["authorization", "content-type"]},
}
for origins in ("https://a.example", "https://a.example,https://b.example"):
    for cookie, rules in CREDENTIALS.items():
        found = api({"CorsOrigins": origins, "SessionCookie": cookie})["Body"].get("x-amazon-apigateway-cors")
        allowed = found.get("allowMethods", []) if isinstance(found, dict) else []
        expected = {"allowOrigins": origins.split(","), "allowMethods": allowed, **rules, **RULES}
        holds = found == expected and set(allowed) == METHODS
        case = f"{origins} and SessionCookie={cookie}, with routes of {sorted(METHODS)}"
        check(holds, f"CORS for {case}: API Gateway would get {json.dumps(found)}")
check("x-amazon-apigateway-cors" not in api({"CorsOrigins": ""})["Body"], "CORS without an origin")
check(api().get("FailOnWarnings") is True, "API Gateway may ignore what it does not understand: FailOnWarnings")

# --- A first deployment with `--guided` and Enter at every prompt: SAM asks about functions without authentication,
# and stops on the answer that is its default.

stacks, _ = SamLocalStackProvider.get_stacks(str(stack.TEMPLATE))
asked = sorted({name for name, has_authentication in auth_per_resource(stacks) if not has_authentication})
check(not asked, f"sam deploy --guided would ask whether {asked} may go without authentication, and stop")

# --- Only what was built is deployed, and the folder for containers is another one.

config = tomllib.loads((ROOT / "samconfig.toml").read_text())
for name, section in config.items():
    if isinstance(section, dict) and "deploy" in section:
        check(section["deploy"]["parameters"].get("template_file") == BUILT, f"samconfig.toml: {name} deploys unbuilt code")
    if isinstance(section, dict) and "build" in section:
        overrides = section["build"]["parameters"].get("parameter_overrides", [])
        folder = section["build"]["parameters"].get("build_dir", ".aws-sam/build")
        foreign = any(one.startswith("Architecture=") for one in overrides)
        check(foreign == (folder != ".aws-sam/build"), f"samconfig.toml: {name} builds for another processor into {folder}")
with tempfile.TemporaryDirectory() as folder:
    for file in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / file, folder)
    said = subprocess.run(
        ["sam", "deploy", "--no-confirm-changeset"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    refused = said.returncode != 0 and f"Template file not found at {pathlib.Path(folder).resolve() / BUILT}" in said.stderr
    check(refused, f"sam deploy without a build went on: {said.stdout} {said.stderr}")

# --- Tracing: Lambda checks the permission while it creates the function.

for name, statements in roles(stack.Stack({"Tracing": "Active"})):
    granted = [one for one in statements if "xray:PutTraceSegments" in one["Action"]]
    check(len(granted) == 1, f"{name} is traced, and its own role may not write traces")
for name, statements in roles(stack.Stack()):
    check(not any("xray" in str(one["Action"]) for one in statements), f"{name} may write traces without need")

# --- While one table of users replaces another, a function may do the same on both.

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/"
switching = stack.Stack({"UsersTableName": "new-users", "PreviousUsersTableName": "old-users"})
for name, statements in roles(switching):
    for one in statements:
        resources = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
        tables = {text.removeprefix(TABLE) for text in resources if text.startswith(TABLE)}
        check(tables in (set(), {"new-users", "old-users"}), f"{name}, {one['Sid']}: of the tables of users, {tables} only")

# --- Keys that a permission is confined to, whatever AWS takes dynamodb:LeadingKeys to be inside a transaction: the
# key of the part, or those of all parts on the table; and if it is absent, everything is denied.

TRANSACTIONS = {
    "SignUpFunction": [("UsersTable", "PutItem", "user#1"), ("UsersTable", "PutItem", "email#a"), ("UsersTable", "PutItem", "username#a"), ("TransientTable", "PutItem", "mail#confirm_email#1")],
    "UpdateDetailsFunction": [
        ("UsersTable", "UpdateItem", "user#1"),
        ("UsersTable", "PutItem", "email#b"),
        ("UsersTable", "DeleteItem", "email#a"),
        ("TransientTable", "PutItem", "mail#email_changed#1"),
        ("TransientTable", "PutItem", "mail#email_change_requested#1"),
        ("TransientTable", "PutItem", "mail#password_changed#1"),
        ("TransientTable", "PutItem", "mail#confirm_email#1"),
    ],
    "DeleteAccountFunction": [
        ("UsersTable", "DeleteItem", "user#1"),
        ("UsersTable", "DeleteItem", "email#a"),
        ("UsersTable", "DeleteItem", "username#a"),
        ("TransientTable", "DeleteItem", "reset#1"),
        ("TransientTable", "DeleteItem", "confirm#1"),
        ("TransientTable", "DeleteItem", "mail#reset_password#1"),
        ("TransientTable", "DeleteItem", "mail#confirm_email#1"),
        ("TransientTable", "PutItem", "mail#account_deleted#1#a"),
        ("AuditTable", "PutItem", "deleted#1"),
    ],
    "ConfirmEmailFunction": [
        ("TransientTable", "DeleteItem", "confirm#1"),
        ("TransientTable", "PutItem", "mail#email_changed#1"),
        ("UsersTable", "UpdateItem", "user#1"),
        ("UsersTable", "PutItem", "email#b"),
        ("UsersTable", "DeleteItem", "email#a"),
    ],
    "RevertEmailFunction": [
        ("TransientTable", "DeleteItem", "revert#1#a"),
        ("TransientTable", "PutItem", "mail#password_changed#1"),
        ("UsersTable", "UpdateItem", "user#1"),
        ("UsersTable", "PutItem", "email#a"),
        ("UsersTable", "DeleteItem", "email#b"),
    ],
    "ResetPasswordCompleteFunction": [
        ("TransientTable", "DeleteItem", "reset#1"),
        ("TransientTable", "PutItem", "mail#password_changed#1"),
        ("UsersTable", "UpdateItem", "user#1"),
    ],
}


def allows(statement, table, action, keys):
    """IAM's decision. Of ForAnyValue one key must match, and without keys none does; of ForAllValues all must, and
    without keys they do."""
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    if f"dynamodb:{action}" not in statement["Action"] or f"<{table}.Arn>" not in resources:
        return False
    for operator, condition in statement.get("Condition", {}).items():
        patterns = condition["dynamodb:LeadingKeys"]
        matches = [any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns) for key in keys]
        quantifier = {"ForAnyValue:StringLike": any, "ForAllValues:StringLike": all}[operator]
        if not quantifier(matches):
            return False
    return True


with_events = stack.Stack({"EventBusName": "users", "EventsWithEmail": "true", "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary"})
policies = dict(roles(with_events))
for function in TRANSACTIONS:
    TRANSACTIONS[function].append(("EventsTable", "PutItem", "event#1#a"))
for function, parts in TRANSACTIONS.items():
    for table, action, key in parts:
        on_table = [other for other_table, _, other in parts if other_table == table]
        for reading, keys in (("its own key", [key]), ("all keys of the table", on_table)):
            granted = any(allows(one, table, action, keys) for one in policies[function])
            check(granted, f"{function}: {action} {key} is denied in its transaction, if LeadingKeys holds {reading}")
for function, statements in policies.items():
    for one in statements:
        of_items = [action for action in one["Action"] if action in ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")]
        for table in ("UsersTable", "TransientTable", "CountersTable", "KeysTable", "AuditTable", "EventsTable"):
            denied = not any(allows(one, table, action.removeprefix("dynamodb:"), []) for action in of_items)
            check(denied, f"{function}, {one['Sid']}: allowed without dynamodb:LeadingKeys")

# --- Values that a parameter takes, and values that it refuses before anything changes.

PATTERNS = {
    "ResetLinkBase": (
        ["https://app.example.com/reset", "https://app.example.com", "https://app.example.com/#/reset", "https://id.example.com/reset#", "http://localhost:3000/reset", ""],
        ["http://app.example.com/reset", "https://app.example.com/?next=/", "https://user@app.example.com/", "app.example.com"],
    ),
    "CorsOrigins": (
        ["https://app.example.com", "https://app.example.com,http://localhost:5173", "capacitor://localhost", ""],
        ["*", "https://app.example.com/", "https://App.example.com", "https://app.example.com:443", "app.example.com"],
    ),
    "ConfirmLinkBase": (["https://app.example.com/confirm", "http://localhost:3000/confirm", ""], ["http://app.example.com/confirm", "https://app.example.com/?a=b"]),
    "RevertLinkBase": (["https://app.example.com/#/revert", ""], ["javascript:alert(1)", "https://app.example.com/?a=b"]),
    "PagesUrl": (["https://id.example.com", "https://id.example.com:8443", ""], ["https://id.example.com/", "http://id.example.com", "id.example.com"]),
    "LogoUrl": (["https://cdn.example.com/logo@2x.png", ""], ["http://cdn.example.com/logo.png", "https://cdn.example.com/logo.png?v=1", "https://cdn.example.com/a;b"]),
    "SupportContact": (["help@example.com", "https://example.com/help", ""], ["http://example.com", "help", "javascript:alert(1)"]),
    "BrandColor": (["#1d4ed8", "#FFCC00", ""], ["red", "#fff", "#1d4ed8;"]),
    "MailFooter": (["Acme GmbH, Hauptstraße 1, Berlin", ""], [" Acme", "Acme\nBerlin", "x" * 201]),
    "Issuer": (
        ["", "latchkey", "https://id.example.com", "https://id.example.com:8443/v1"],
        ["id.example.com", "http://id.example.com", "https://id.example.com/", "https://ID.example.com", "https://id"],
    ),
    "AccessTokenAudiences": (["api", "orders,https://billing.example.com"], ["", "orders,", "orders, billing", "a b"]),
    "AuthorizerAudiences": (["", "api", "orders,https://billing.example.com"], ["orders,", "orders, billing", "a b"]),
    "AuthorizerAccounts": (
        ["", "123456789012", "123456789012,210987654321"],
        ["12345678901", "123456789012,", ",".join(["123456789012"] * 5), "root"],
    ),
    "AccessTokenClaims": (["", "email", "username,email,email_verified"], ["password", "email,", "email username"]),
    "EventBusName": (["users", "default", ""], ["a b", "arn:aws:events:eu-central-1:123456789012:event-bus/users"]),
    "EdgeSecretHash": (["0" * 64, ""], ["0" * 63, "F" * 64, "secret"]),
}
source = stack.Stack().template["Parameters"]
for name, (allowed, refused) in PATTERNS.items():
    pattern = re.compile(source[name]["AllowedPattern"])
    for value in allowed:
        check(pattern.fullmatch(value), f"{name} refuses {value!r}")
    for value in refused:
        check(not pattern.fullmatch(value), f"{name} takes {value!r}")

# --- Parameters that need each other are refused before anything changes.

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/sample"
for parameters, refusals in (
    ({}, 0),
    ({"DomainName": "api.example.com"}, 1),
    ({"DomainName": "api.example.com", "DomainCertificateArn": CERTIFICATE, "DomainHostedZoneId": "Z1"}, 0),
    ({"DomainCertificateArn": CERTIFICATE}, 1),
    ({"DomainHostedZoneId": "Z1"}, 1),
    ({"RequireVerifiedEmail": "true"}, 1),
    ({"RequireVerifiedEmail": "true", "ConfirmLinkBase": "https://app.example.com/confirm_email"}, 0),
    ({"RequireVerifiedEmail": "true", "PagesUrl": "https://id.example.com"}, 0),
    ({"RequireVerifiedEmail": "true", "DomainName": "id.example.com", "DomainCertificateArn": CERTIFICATE}, 0),
    ({"RequireVerifiedEmail": "true", "PagesUrl": "https://id.example.com", "Pages": "false"}, 1),
    ({"ConfirmEmailChange": "true", "PagesUrl": "https://id.example.com"}, 0),
    ({"ConfirmEmailChange": "true"}, 1),
    ({"ConfirmEmailChange": "true", "ConfirmLinkBase": "https://app.example.com/confirm_email"}, 0),
    ({"DomainTruststoreUri": "s3://bucket/ca.pem"}, 1),
    ({"CreateConfigurationSet": "true"}, 1),
    ({"CreateConfigurationSet": "true", "ConfigurationSet": "latchkey"}, 0),
    ({"AccessTokenAudiences": "latchkey"}, 1),
    ({"AccessTokenAudiences": "orders,billing"}, 0),
    ({"EventsWithEmail": "true"}, 1),
    ({"EventsWithEmail": "true", "EventBusName": "users"}, 0),
    ({"AuthorizerAudiences": "latchkey"}, 1),
    ({"AuthorizerAudiences": "api"}, 0),
    ({"PreviousUsersTableName": "old-users"}, 1),
    ({"PreviousUsersTableName": "users", "UsersTableName": "users"}, 1),
    ({"PreviousUsersTableName": "old-users", "UsersTableName": "new-users"}, 0),
):
    found = stack.Stack(parameters).refusals
    check(len(found) == refusals, f"{parameters}: {len(found)} rules refuse it, and not {refusals}: {found}")

# --- Links in mails open the hosted pages, once their address is known, and a deployer's own pages in any case.

DOMAIN = {"DomainName": "id.example.com", "DomainCertificateArn": CERTIFICATE}
for parameters, expected in (
    ({}, ["http://localhost:3000/reset_password#", "", ""]),
    (DOMAIN, ["https://id.example.com/reset_password#", "https://id.example.com/confirm_email#", "https://id.example.com/revert_email#"]),
    (DOMAIN | {"PagesUrl": "https://www.example.com"}, [f"https://www.example.com/{page}#" for page in ("reset_password", "confirm_email", "revert_email")]),
    (DOMAIN | {"ConfirmLinkBase": "https://app.example.com/confirm"}, ["https://id.example.com/reset_password#", "https://app.example.com/confirm", "https://id.example.com/revert_email#"]),
    (DOMAIN | {"Pages": "false", "ResetLinkBase": "https://app.example.com/reset"}, ["https://app.example.com/reset", "", ""]),
):
    deployed = stack.Stack(parameters)
    variables = deployed.properties("SendMailFunction")["Environment"]["Variables"]
    found = [variables[name] for name in ("RESET_LINK_BASE", "CONFIRM_LINK_BASE", "REVERT_LINK_BASE")]
    check(found == expected, f"{parameters}: links in mails begin with {found}")
    served = [name for name in deployed.resources if name.startswith("Pages")]
    check(bool(served) == (parameters.get("Pages") != "false"), f"{parameters}: {served} exist")

# --- The authorizer may be used by the APIs of this account and of those that are named, and by no others.

OWN = stack.PSEUDO["AWS::AccountId"]
for accounts in ("", "111122223333", "111122223333,444455556666", ",".join(f"{number}00000000000" for number in range(1, 5))):
    permissions = stack.Stack({"AuthorizerAccounts": accounts}).of_type("AWS::Lambda::Permission")
    permissions = [one for name, one in permissions.items() if name.startswith("Authorize")]
    named = {one["SourceAccount"] for one in permissions}
    check(named == {OWN, *filter(None, accounts.split(","))}, f"AuthorizerAccounts={accounts} permits {sorted(named)}")
    for one in permissions:
        check(re.fullmatch(rf"arn:aws:execute-api:[a-z0-9-]+:{one['SourceAccount']}:\*/authorizers/\*", one["SourceArn"]), f"{one}")

# --- Every version of a function remains, so that a rollback finds it.

for name, one in stack.translated({"EventBusName": "users"})["Resources"].items():
    if one["Type"] == "AWS::Lambda::Version":
        check(one.get("DeletionPolicy") == "Retain", f"{name} would be deleted by the next deployment")

# --- Alarms: each has a runbook, and no more metrics than an alarm may have. All roles have the boundary.

runbooks = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", (ROOT / "docs/operating.md").read_text(), re.M)}
everything = stack.Stack(
    {"Monitoring": "full", "GradualDeployment": "true", "ConfigurationSet": "set", "CreateConfigurationSet": "true",
     "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary"}
)
alarms = {**everything.of_type("AWS::CloudWatch::Alarm"), **with_events.of_type("AWS::CloudWatch::Alarm")}
for name, alarm in alarms.items():
    anchor = re.search(r" Runbook: docs/operating\.md#(\w+)$", alarm["AlarmDescription"])
    check(anchor and anchor[1] == name.lower() and anchor[1] in runbooks, f"{name}: no runbook in docs/operating.md")
    check(sum("MetricStat" in one for one in alarm.get("Metrics", [])) <= 10, f"{name}: over 10 metrics")
for name, role in {**everything.of_type("AWS::IAM::Role"), **with_events.of_type("AWS::IAM::Role")}.items():
    check("PermissionsBoundary" in role, f"{name}: no permissions boundary")

# --- What watches functions watches all of them. The function that exists only with events has alarms of its own.

functions = everything.of_type("AWS::Lambda::Function")
groups = {function["LoggingConfig"]["LogGroup"] for function in functions.values()}
check(len(groups) == len(functions), "functions share a log group")


def check_complete(what, names, all_names=None):
    missing = set(all_names or functions) - set(names)
    check(not missing, f"{what} leaves out {', '.join(sorted(missing))}")


filters = {}
for one in everything.of_type("AWS::Logs::MetricFilter").values():
    [into] = one["MetricTransformations"]
    filters.setdefault((into["MetricName"], one["FilterPattern"]), []).append(one["LogGroupName"])
check({name for name, _ in filters} == {"errors"}, f"metric filters are {sorted(filters)}")
for (metric, pattern), found in filters.items():
    check_complete(f"the metric filter {metric}, {pattern}", found, groups)

# An alarm has ten metrics at most, so several alarms may share the functions. Those by version roll a gradual
# deployment back.
ALARMED = {
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Throttles", "FunctionName"),
    ("AWS/Lambda", "Errors", "FunctionName", "Resource", "ExecutedVersion"),
    (f"Latchkey/{stack.PSEUDO['AWS::StackName']}", "defect", "function", "version"),
}
alarmed, by_version, of_tables = {}, set(), {}
for name, alarm in everything.of_type("AWS::CloudWatch::Alarm").items():
    for metric in (one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one):
        dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
        function = dimensions.get("FunctionName", dimensions.get("function", "")).strip("<>")
        kind = (metric["Namespace"], metric["MetricName"], *dimensions)
        if function:
            alarmed.setdefault(kind, []).append(function)
        if "TableName" in dimensions:
            of_tables.setdefault(metric["MetricName"], []).append(dimensions["TableName"])
        version = dimensions.get("ExecutedVersion", dimensions.get("version"))
        if version:
            by_version.add(f"<{name}>")
            check(f"<{function}.Version>" in version or f"<{function}Version" in version, f"{name}: {version} is not of {function}")
check(set(alarmed) == ALARMED, f"alarms by function are over {sorted(alarmed)}")
for kind, found in alarmed.items():
    check_complete(f"every alarm over {' '.join(kind)}", found)
tables = {f"<{name}>" for name in everything.of_type("AWS::DynamoDB::Table")}
check(set(of_tables) == {"ReadThrottleEvents", "WriteThrottleEvents"}, f"alarms by table are over {sorted(of_tables)}")
for metric, found in of_tables.items():
    check_complete(f"every alarm over {metric}", found, tables)
deployments = everything.of_type("AWS::CodeDeploy::DeploymentGroup").values()
stopping = {frozenset(one["Name"] for one in group["AlarmConfiguration"]["Alarms"]) for group in deployments}
check(stopping == {frozenset(by_version)}, f"deployments are rolled back by {stopping}, and not by {by_version}")

[dashboard] = everything.of_type("AWS::CloudWatch::Dashboard").values()
for widget in json.loads(dashboard["DashboardBody"])["widgets"]:
    lines = [one for one in widget["properties"]["metrics"] if "FunctionName" in one]
    shown = {one[one.index("FunctionName") + 1].strip("<>"): one[-1].get("label") for one in lines}
    if len(shown) > 1:
        check_complete(f"the dashboard's \"{widget['properties']['title']}\"", shown)
        for name, label in shown.items():
            snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower()
            check(label == snake, f"the dashboard calls {name} {label}")
for name, query in everything.of_type("AWS::Logs::QueryDefinition").items():
    if set(query["LogGroupNames"]) & groups:
        check_complete(name, query["LogGroupNames"], groups)

# --- The table of signing keys, whose policy binds administrators of the account, too: of the actions that DynamoDB supports
# in a table's policy (Developer Guide, rbac-iam-actions.html), those on items are denied to all but named roles, and those that
# copy the table to everybody. Those that CloudFormation needs to change or delete the table are left alone.

ITEMS = {
    "GetItem", "BatchGetItem", "ConditionCheckItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem",
    "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete",
}
COPIES = {
    "CreateBackup", "ExportTableToPointInTime", "UpdateContinuousBackups", "RestoreTableToPointInTime",
    "EnableKinesisStreamingDestination", "UpdateKinesisStreamingDestination",
}
STACK_ROLES = f"arn:aws:iam::{stack.PSEUDO['AWS::AccountId']}:role/latchkey/{stack.PSEUDO['AWS::Region']}/{stack.PSEUDO['AWS::StackName']}/*"
OPERATOR = "arn:aws:iam::123456789012:role/operator"
for parameters, exempt in (({}, [STACK_ROLES]), ({"OperatorRoleArn": OPERATOR}, [STACK_ROLES, OPERATOR])):
    statements = stack.Stack(parameters).properties("KeysTable")["ResourcePolicy"]["PolicyDocument"]["Statement"]
    check(all(one["Effect"] == "Deny" and one["Principal"] == "*" for one in statements), "KeysTable: not all are denied")
    denied = {}
    for one in statements:
        condition = json.dumps(one.get("Condition"), sort_keys=True)
        denied.setdefault(condition, set()).update(action.removeprefix("dynamodb:") for action in one["Action"])
    check(denied.get("null") == COPIES, f"KeysTable: without a condition, {denied.get('null')} is denied")
    named = json.dumps({"ArnNotLike": {"aws:PrincipalArn": exempt}})
    check(denied.get(named) == ITEMS, f"KeysTable, {parameters}: of the items' actions, {denied.get(named)} is denied")
    others = set().union(*denied.values()) - ITEMS - COPIES
    check(not others, f"KeysTable: {others} is denied, also to CloudFormation")

# --- Floods: with all routes at their rates the account's concurrency suffices, so that no route starves another; with the
# defaults, and for every line of the table in docs/deploying.md. A bucket holds the requests of one second.

NEW_ACCOUNT, HASH_SECONDS, OTHER_SECONDS, PAGE_SECONDS = 10, 0.050, 0.015, 0.005
deployed = stack.Stack()
[stage] = deployed.of_type("AWS::ApiGatewayV2::Stage").values()
routes = {
    f"{method.upper()} {path}": re.search(r"<(\w+)Aliaslive>", one["x-amazon-apigateway-integration"]["uri"])[1]
    for path, methods in api()["Body"]["paths"].items()
    for method, one in methods.items()
}
own, others = stage["RouteSettings"], stage["DefaultRouteSettings"]
memory = {name: str(one["MemorySize"]) for name, one in deployed.of_type("AWS::Lambda::Function").items()}
check(deployed.values["HashMemorySize"] != deployed.values["MemorySize"], "functions that hash have no memory of their own")
hashing = {route for route, function in routes.items() if memory[function] == deployed.values["HashMemorySize"]}
check(set(own) == hashing, f"routes that hash a password, and those with their throttle, differ: {set(own) ^ hashing}")
for one in [*own.values(), others]:
    check(int(one["ThrottlingBurstLimit"]) <= int(one["ThrottlingRateLimit"]), "a bucket holds more than a second's requests")
    expected = deployed.values["ThrottleRate" if one is others else "HashThrottleRate"]
    check(str(one["ThrottlingRateLimit"]) == expected, f"a route's rate is {one['ThrottlingRateLimit']}, and not {expected}")


def executions(hash_rate, other_rate):
    """Concurrent executions with every route at its rate."""
    pages = sum(function == "PagesFunction" for function in routes.values())
    others = len(routes) - len(hashing) - pages
    return len(hashing) * hash_rate * HASH_SECONDS + other_rate * (others * OTHER_SECONDS + pages * PAGE_SECONDS)


def check_rates(where, concurrency, hash_rate, other_rate):
    busy = executions(hash_rate, other_rate)
    check(
        busy <= concurrency,
        f"{where}: {len(hashing)} routes at {hash_rate}/s and {len(routes) - len(hashing)} at {other_rate}/s need {busy:.1f} "
        f"concurrent executions of {concurrency}; {int(hash_rate * concurrency / busy)}/s and "
        f"{int(other_rate * concurrency / busy)}/s would fit",
    )


defaults = int(deployed.values["HashThrottleRate"]), int(deployed.values["ThrottleRate"])
check_rates("template.yaml", NEW_ACCOUNT, *defaults)
_, rows = (ROOT / "docs/deploying.md").read_text().split("| Concurrent executions | `HashThrottleRate` | `ThrottleRate` |", 1)
rows = [[int(cell.replace(",", "")) for cell in row.strip("|").split("|")] for row in rows.split("\n\n")[0].splitlines()[2:]]
check(rows and rows[0][:3] == [NEW_ACCOUNT, *defaults], f"docs/deploying.md: the first row of rates is {rows[:1]}")
for concurrency, hash_rate, other_rate, log_ins in rows:
    check_rates("docs/deploying.md", concurrency, hash_rate, other_rate)
    check(log_ins == hash_rate, f"docs/deploying.md: {log_ins} log-ins a second at a rate of {hash_rate}")

# --- Mails: the stream's own records live for 24 hours.

mappings = deployed.of_type("AWS::Lambda::EventSourceMapping")
for name, mapping in mappings.items():
    check(mapping["MaximumRecordAgeInSeconds"] < 86400, f"the stream drops records before {name} hands them over")
check(len(mappings) <= 2, "DynamoDB throttles a third reader of a stream")

if problems:
    sys.exit("\n".join(problems))
print(f"template: all rules hold; {len(routes)} routes at their rates need {executions(*defaults):.1f} of {NEW_ACCOUNT} executions")
