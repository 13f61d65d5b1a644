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
    (target / f"gradual-{gradual}.json").write_text(json.dumps(translated, indent=1))
