"""Checks that a changed parameter reaches what API Gateway and the stream invoke: the alias `live`, and by it a version
that Lambda publishes anew.

Each parameter is changed alone, in the translated template, with gradual deployment and without. A version is published
anew if its logical id changes, or one of its properties, all of which CloudFormation replaces on change. It must be
published exactly for the functions that the parameter changes: without it, the alias goes on with the old environment;
and a version of an unchanged function fails ("A version for this Lambda function exists"), and with it the deployment.
"""

import json
import sys

import stack

# Properties of a function that no version holds. They take effect at once.
UNVERSIONED = {"ReservedConcurrentExecutions", "Tags", "Code"}


def functions(deployed):
    """Name, what a version would hold, and the identity of the version behind the alias."""
    versions = deployed.of_type("AWS::Lambda::Version")
    aliases = deployed.of_type("AWS::Lambda::Alias")
    found = {}
    for name, properties in deployed.of_type("AWS::Lambda::Function").items():
        held = {key: value for key, value in properties.items() if key not in UNVERSIONED}
        [alias] = [alias for alias in aliases.values() if alias["FunctionName"] == f"<{name}>"]
        version = alias["FunctionVersion"].removeprefix("<").removesuffix(".Version>")
        policies = [deployed.resources[version].get(policy) for policy in ("DeletionPolicy", "UpdateReplacePolicy")]
        if policies != ["Retain", "Retain"]:
            sys.exit(f"{version}: deleted when another replaces it, so that there is no way back")
        if len(versions[version]["Description"]) > 256:
            sys.exit(f"{version}: Lambda's limit for a description is 256 characters")
        found[name] = (json.dumps(held, sort_keys=True), json.dumps([version, versions[version]], sort_keys=True))
    return found


def variables(deployed):
    """Every environment variable of every function, with its value."""
    functions = deployed.of_type("AWS::Lambda::Function").values()
    return {pair for function in functions for pair in function["Environment"]["Variables"].items()}


def check_invoked(deployed):
    """Everything that invokes a function invokes its alias."""
    [api] = deployed.of_type("AWS::ApiGatewayV2::Api").values()
    invoked = [
        method["x-amazon-apigateway-integration"]["uri"] for path in api["Body"]["paths"].values() for method in path.values()
    ]
    invoked += [one["FunctionName"] for one in deployed.of_type("AWS::Lambda::EventSourceMapping").values()]
    rules = deployed.of_type("AWS::Events::Rule").values()
    invoked += [target["Arn"] for rule in rules for target in rule["Targets"]]
    others = [one for one in invoked if "FunctionAliaslive>" not in one]
    if others or not invoked:
        sys.exit(f"not through the alias: {others or 'nothing is invoked'}")


problems, published, seen = [], 0, set()
for gradual in ("true", "false"):
    # With the function that exists only with events.
    common = {"GradualDeployment": gradual, "EventBusName": "users"}
    deployed = stack.Stack(common)
    check_invoked(deployed)
    before = functions(deployed)
    for name in sorted(deployed.template["Parameters"]):
        value = stack.another_value(name)
        if name == "GradualDeployment" or value is None:
            continue
        changed = {name: value}
        # A rule of the template asks for the other one.
        if name == "PreviousUsersTableName":
            changed["UsersTableName"] = "another-table"
        other = stack.Stack({**common, **changed})
        seen |= {name for name, value in variables(other) if (name, value) not in variables(deployed)}
        after = functions(other)
        for function, (held, version) in after.items():
            is_changed, is_new = held != before[function][0], version != before[function][1]
            published += is_new
            if is_changed != is_new:
                fault = "keeps its old version" if is_changed else "is published again without a change"
                problems.append(f"gradual {gradual}, {name}={value}: {function} {fault}")
    # The namespace is the stack's name; the table of events, and group and role of the retries, are the stack's own.
    unchanged = {name for name, _ in variables(deployed)} - seen - {"METRICS_NAMESPACE", "EVENTS_TABLE", "MAIL_RETRY_GROUP", "MAIL_RETRY_ROLE"}
    if unchanged:
        problems.append(f"no parameter changes {unchanged}")
    for function, (_, version) in functions(stack.Stack(common, code="s3://artefacts/other.zip")).items():
        if version == before[function][1]:
            problems.append(f"gradual {gradual}, new code: {function} keeps its old version")

if problems:
    sys.exit("\n".join(problems))
print(f"versions: {published} published anew for a changed parameter, and none without need")
