"""The stack as CloudFormation would create it: template.yaml translated by SAM's own translator, and then resolved for
given parameters. Runs without a network."""

import copy
import functools
import hashlib
import json
import logging
import os
import pathlib
import re

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = pathlib.Path(__file__).parent.parent / "template.yaml"
CODE = "s3://artefacts/function.zip"
# What SAM's translator and CloudFormation put in place of pseudo parameters.
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "latchkey",
    "AWS::URLSuffix": "amazonaws.com",
}
# Stands for `AWS::NoValue`: the property is left out.
NOTHING = object()

logging.disable(logging.WARNING)
# The translator reads the region from here.
os.environ.setdefault("AWS_DEFAULT_REGION", PSEUDO["AWS::Region"])


class NoManagedPolicies:
    def load(self):
        return {}


@functools.cache
def _source():
    return yaml_parse(TEMPLATE.read_text())


def source():
    """template.yaml as it is."""
    return copy.deepcopy(_source())


def translated(parameters=None, code=CODE):
    """template.yaml as SAM translates it at a deployment with these parameters."""
    template = source()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam build` and `sam deploy` put the uploaded artefact here.
            resource["Properties"]["CodeUri"] = code
    return transform(template, {"AWS::Region": PSEUDO["AWS::Region"], **(parameters or {})}, NoManagedPolicies())


class Stack:
    """The resources of a stack with these parameters, every intrinsic function resolved as far as it can be."""

    def __init__(self, parameters=None, code=CODE):
        self.template = translated(parameters, code)
        defaults = {name: str(one["Default"]) for name, one in self.template["Parameters"].items()}
        unknown = set(parameters or {}) - set(defaults)
        if unknown:
            raise KeyError(f"the template has no parameters {unknown}")
        self.values = {**PSEUDO, **defaults, **(parameters or {})}
        self.resources = {
            name: resource
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

        self.refusals = [
            check["AssertDescription"]
            for rule in self.template.get("Rules", {}).values()
            if "RuleCondition" not in rule or self._rule(rule["RuleCondition"])
            for check in rule["Assertions"]
            if not self._rule(check["Assert"])
        ]

    def of_type(self, kind):
        """Resources of this type that exist, with their resolved properties."""
        return {
            name: self.properties(name) for name, resource in self.resources.items() if resource["Type"] == kind
        }

    @functools.cache
    def properties(self, name):
        return self.resolve(self.resources[name].get("Properties", {}))

    def holds(self, condition):
        return self._rule(self.template["Conditions"][condition])

    def _rule(self, rule):
        [(kind, of)] = rule.items()
        match kind:
            case "Condition":
                return self.holds(of)
            case "Fn::Equals":
                left, right = (self.resolve(one) for one in of)
                return str(left) == str(right)
            case "Fn::Not":
                return not self._rule(of[0])
            case "Fn::And":
                return all(self._rule(one) for one in of)
            case "Fn::Or":
                return any(self._rule(one) for one in of)
        raise ValueError(f"unknown condition {kind}")

    def resolve(self, value):
        if isinstance(value, list):
            items = (self.resolve(one) for one in value)
            return [one for one in items if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(kind, of)] = value.items()
            if kind == "Ref" or kind.startswith("Fn::"):
                return self._intrinsic(kind, of)
        members = {name: self.resolve(one) for name, one in value.items()}
        return {name: one for name, one in members.items() if one is not NOTHING}

    def _intrinsic(self, kind, of):
        match kind:
            case "Ref":
                return self._reference(of)
            case "Fn::GetAtt":
                return self._attribute(*(of if isinstance(of, list) else of.split(".", 1)))
            case "Fn::If":
                return self.resolve(of[1] if self.holds(of[0]) else of[2])
            case "Fn::Join":
                return of[0].join(str(one) for one in self.resolve(of[1]))
            case "Fn::Split":
                return self.resolve(of[1]).split(of[0])
            case "Fn::Select":
                parts = self.resolve(of[1])
                # A name that only AWS knows has no parts here.
                return parts[int(of[0])] if int(of[0]) < len(parts) else f"{of[0]} of {parts}"
            case "Fn::Sub":
                text, names = of if isinstance(of, list) else (of, {})
                return re.sub(r"\$\{([^!}]+)\}", lambda match: str(self._named(match[1], names)), text)
        raise ValueError(f"unknown intrinsic {kind}")

    def _named(self, name, names):
        if name in names:
            return self.resolve(names[name])
        return self._attribute(*name.split(".", 1)) if "." in name else self._reference(name)

    def _reference(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.values:
            return self.values[name]
        if name not in self.resources:
            raise KeyError(f"{name} is referred to and does not exist with these parameters")
        return self.properties(name).get("TableName", f"<{name}>")

    def _attribute(self, name, attribute):
        if name not in self.resources:
            raise KeyError(f"{name} is referred to and does not exist with these parameters")
        if self.resources[name]["Type"] == "AWS::AppConfig::HostedConfigurationVersion":
            # CloudFormation replaces the resource, and AppConfig counts up, when any property changes.
            text = json.dumps(self.properties(name), sort_keys=True)
            return f"<{name}.{attribute} {hashlib.sha256(text.encode()).hexdigest()[:8]}>"
        return f"<{name}.{attribute}>"


# Values that a parameter may have beside its default; the first that its rules allow is taken.
SAMPLES = [
    "username",
    "sample",
    "sample.example",
    "sample@sample.example",
    "https://sample.example/page",
    "https://sample.example",
    "s3://sample-bucket/bundle.pem",
    "0123456789abcdef" * 4,
    "arn:aws:acm:eu-central-1:123456789012:certificate/sample",
    "arn:aws:kms:eu-central-1:123456789012:key/sample",
    "arn:aws:iam::123456789012:role/sample",
    "arn:aws:iam::123456789012:policy/sample",
    "arn:aws:sns:eu-central-1:123456789012:sample",
    "Z0123456789",
    "#1d4ed8",
]


def another_value(name):
    """A value that the parameter accepts and that is not its default."""
    parameter = _source()["Parameters"][name]
    default = str(parameter["Default"])
    if "AllowedValues" in parameter:
        others = [str(one) for one in parameter["AllowedValues"] if str(one) != default]
    elif parameter["Type"] == "Number":
        low, high = parameter.get("MinValue", 0), parameter.get("MaxValue", 10**6)
        others = [str(one) for one in (int(default) + 1, int(default) - 1) if low <= one <= high]
    else:
        pattern = parameter.get("AllowedPattern", ".*")
        others = [one for one in SAMPLES if one != default and re.fullmatch(pattern, one)]
    return others[0] if others else None
