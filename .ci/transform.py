"""Translates template.yaml to plain CloudFormation, as SAM does on deployment, with and without gradual deployment, so
that cfn-lint sees the resources that will really be made. Runs without a network."""

import json
import pathlib
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    def load(self):
        return {}


target = pathlib.Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
for gradual in ("true", "false"):
    template = yaml_parse(pathlib.Path("template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam build` puts the artefact here.
            resource["Properties"]["CodeUri"] = "s3://artefacts/function.zip"
    parameters = {"AWS::Region": "eu-central-1", "GradualDeployment": gradual}
    translated = transform(template, parameters, NoManagedPolicies())
    (target / f"gradual-{gradual}.json").write_text(json.dumps(translated, indent=1))
