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

RULES = {
    "allowMethods": ["GET", "POST", "PATCH"],
    "allowHeaders": ["authorization", "content-type"],
    "exposeHeaders": ["retry-after", "www-authenticate"],
    "maxAge": 600,
}
for origins in ("https://a.example", "https://a.example,https://b.example"):
    found = api({"CorsOrigins": origins})["Body"].get("x-amazon-apigateway-cors")
    expected = {"allowOrigins": origins.split(","), **RULES}
    check(found == expected, f"CORS for {origins}: API Gateway would get {json.dumps(found)}")
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
    "SignUpFunction": [("UsersTable", "PutItem", "user#1"), ("UsersTable", "PutItem", "email#a"), ("UsersTable", "PutItem", "username#a")],
    "UpdateDetailsFunction": [
        ("UsersTable", "UpdateItem", "user#1"),
        ("UsersTable", "PutItem", "email#b"),
        ("UsersTable", "DeleteItem", "email#a"),
        ("TransientTable", "PutItem", "mail#email_changed#1"),
        ("TransientTable", "PutItem", "mail#password_changed#1"),
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


policies = dict(roles(stack.Stack()))
for function, parts in TRANSACTIONS.items():
    for table, action, key in parts:
        on_table = [other for other_table, _, other in parts if other_table == table]
        for reading, keys in (("its own key", [key]), ("all keys of the table", on_table)):
            granted = any(allows(one, table, action, keys) for one in policies[function])
            check(granted, f"{function}: {action} {key} is denied in its transaction, if LeadingKeys holds {reading}")
for function, statements in policies.items():
    for one in statements:
        of_items = [action for action in one["Action"] if action in ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")]
        for table in ("UsersTable", "TransientTable", "CountersTable", "KeysTable"):
            denied = not any(allows(one, table, action.removeprefix("dynamodb:"), []) for action in of_items)
            check(denied, f"{function}, {one['Sid']}: allowed without dynamodb:LeadingKeys")

# --- Parameters that need each other are refused before anything changes.

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/sample"
for parameters, refusals in (
    ({}, 0),
    ({"DomainName": "api.example.com"}, 1),
    ({"DomainName": "api.example.com", "DomainCertificateArn": CERTIFICATE, "DomainHostedZoneId": "Z1"}, 0),
    ({"DomainCertificateArn": CERTIFICATE}, 1),
    ({"DomainHostedZoneId": "Z1"}, 1),
    ({"DomainTruststoreUri": "s3://bucket/ca.pem"}, 1),
    ({"CreateConfigurationSet": "true"}, 1),
    ({"CreateConfigurationSet": "true", "ConfigurationSet": "latchkey"}, 0),
    ({"PreviousUsersTableName": "old-users"}, 1),
    ({"PreviousUsersTableName": "users", "UsersTableName": "users"}, 1),
    ({"PreviousUsersTableName": "old-users", "UsersTableName": "new-users"}, 0),
):
    found = stack.Stack(parameters).refusals
    check(len(found) == refusals, f"{parameters}: {len(found)} rules refuse it, and not {refusals}: {found}")

# --- Alarms: each has a runbook, and no more metrics than an alarm may have. All roles have the boundary.

runbooks = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", (ROOT / "docs/operating.md").read_text(), re.M)}
everything = stack.Stack(
    {"Monitoring": "full", "GradualDeployment": "true", "ConfigurationSet": "set", "CreateConfigurationSet": "true",
     "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary"}
)
for name, alarm in everything.of_type("AWS::CloudWatch::Alarm").items():
    anchor = re.search(r" Runbook: docs/operating\.md#(\w+)$", alarm["AlarmDescription"])
    check(anchor and anchor[1] == name.lower() and anchor[1] in runbooks, f"{name}: no runbook in docs/operating.md")
    check(sum("MetricStat" in one for one in alarm.get("Metrics", [])) <= 10, f"{name}: over 10 metrics")
for name, role in everything.of_type("AWS::IAM::Role").items():
    check("PermissionsBoundary" in role, f"{name}: no permissions boundary")

# --- Floods: with all buckets of the routes full, a new account's concurrency suffices, so that no route starves
# another. Mails: the stream's own records live for 24 hours.

NEW_ACCOUNT, HASH_SECONDS, OTHER_SECONDS = 10, 0.050, 0.015
deployed = stack.Stack()
[stage] = deployed.of_type("AWS::ApiGatewayV2::Stage").values()
paths = api()["Body"]["paths"]
routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
hashing = stage["RouteSettings"]
check(set(hashing) <= routes, f"throttles of unknown routes: {set(hashing) - routes}")
busy = sum(float(one["ThrottlingRateLimit"]) * HASH_SECONDS for one in hashing.values())
busy += (len(routes) - len(hashing)) * float(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]) * OTHER_SECONDS
check(busy <= NEW_ACCOUNT, f"all routes at their rates need {busy:.1f} concurrent executions, and a new account has {NEW_ACCOUNT}")
[mapping] = deployed.of_type("AWS::Lambda::EventSourceMapping").values()
check(mapping["MaximumRecordAgeInSeconds"] < 86400, "the stream drops records before the mapping hands them over")

if problems:
    sys.exit("\n".join(problems))
print("template: all rules hold")
