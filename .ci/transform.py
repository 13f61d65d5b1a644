"""Writes template.yaml as plain CloudFormation, as SAM translates it on deployment, with and without gradual
deployment, so that cfn-lint sees the resources that will really be created."""

import json
import pathlib
import sys

import stack

target = pathlib.Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
for gradual in ("true", "false"):
    translated = stack.translated({"GradualDeployment": gradual})
    for resource in translated["Resources"].values():
        # SAM passes a function's UpdateReplacePolicy on to its alias, permissions, mapping and schedule, and not its Metadata.
        # Like the function they are deleted with the stack, and so have no DeletionPolicy beside it.
        if resource["Type"].startswith(("AWS::Lambda::", "AWS::Events::")) and "DeletionPolicy" not in resource:
            config = resource.setdefault("Metadata", {}).setdefault("cfn-lint", {}).setdefault("config", {})
            config["ignore_checks"] = sorted({"W3011", *config.get("ignore_checks", [])})
    (target / f"gradual-{gradual}.json").write_text(json.dumps(translated, indent=1))
