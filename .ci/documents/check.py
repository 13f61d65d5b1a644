"""`python .ci/documents/check.py`: every code block of the documents is checked. It is run, or compared with a file that is, or its commands
are checked against what defines them. A block for which there is no check is an error.

Needs the binaries of `cargo build --workspace --bins --examples`, Node, and the tools of .ci/requirements.txt."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from blocks import ROOT, blocks, documents, every_block, mentioned
from commands import check_command, is_route
from cost import check_cost
from figures import check_figures
from running import check_admin, check_running
from shell import commands, functions

# Blocks that tests elsewhere compare with what they show: file and heading, or file alone.
COMPARED = {
    ("json", "docs/admin.md"): "admin/tests/commands/rights.rs",
    ("json", "docs/events.md"): "local/tests/api/user_events/format.rs",
    ("", "examples/protected-api/README.md"): ".ci/deploy/protected_api.py",
}
# Blocks that `running.py` runs or compares with a response.
RUN = {
    ("", "README.md", "Run it"),
    ("", "docs/browsers.md", "Front ends in browsers"),
    ("json", "docs/moving-from-the-original.md", "Import users"),
    ("python", "docs/calling.md", "From Python"),
    ("python", "docs/moving-from-the-original.md", "Import users"),
}
DIAGRAMS = ("flowchart ", "sequenceDiagram\n")


def examples():
    """The texts of the files below examples/, which have tests of their own."""
    return {path.read_text() for path in (ROOT / "examples").rglob("*") if path.suffix in (".py", ".mjs", ".js", ".rs") and path.stat().st_size}


def check_shell(block, defined):
    """Syntax, and every command."""
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield done.stderr.strip()
        return
    folder = str(pathlib.Path(block.file).parent) if block.file.startswith("examples/") else "."
    for words in commands(block.text):
        yield from check_command(words, folder, defined)


def check_javascript(block):
    """Syntax and routes. `.ci/browser` uses the API from a page."""
    done = subprocess.run(["node", "--check", "--input-type=module", "-"], input=block.text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield done.stderr.strip()
    called = re.findall(r'call\("([A-Z]+)", "([^"]+)"', block.text)
    if not called:
        yield "calls no route"
    yield from (f"no route {method} {path}" for method, path in called if not is_route(method, path))


def check_yaml(found):
    """Resources of a template, as cfn-lint sees them. What they refer to is given."""
    head = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n"
    with tempfile.TemporaryDirectory() as folder:
        for number, block in enumerate(found):
            names = set(re.findall(r"!Ref (\w+)", block.text)) - set(re.findall(r"^  (\w+):$", block.text, re.MULTILINE))
            text = block.text if block.text.startswith("  ") else re.sub("^", "  ", block.text, flags=re.MULTILINE)
            given = "".join(f"  {name}:\n    Type: String\n" for name in sorted(names))
            name = f"{number}-{block.file.replace('/', '-')}-{block.line}.yaml"
            (pathlib.Path(folder) / name).write_text(f"{head}{'Parameters:' if given else ''}\n{given}Resources:\n{text}")
        lint = pathlib.Path(sys.executable).parent / "cfn-lint"
        files = sorted(pathlib.Path(folder).iterdir())
        done = subprocess.run([lint, "--", *files], capture_output=True, text=True, check=False)
    return [done.stdout.strip()] if done.returncode != 0 else []


def check_diagram(block):
    """A diagram of a known kind that names functions which exist."""
    if not block.text.startswith(DIAGRAMS):
        yield f"begins with none of {DIAGRAMS}"
    functions = {path.name for path in (ROOT / "functions").iterdir()}
    named = set(re.findall(r"(?:participant \w+ as |\b)([a-z]+_[a-z_]+)\b", block.text))
    yield from (f"there is no function {name}" for name in sorted(named - functions))


def check(block, defined, held):
    """Yields what is wrong with a block."""
    # A block may begin with what has to be installed.
    if any(block.text.endswith(text) for text in held):
        return
    match block.language:
        case "sh" | "mention":
            yield from check_shell(block, defined)
        case "js":
            yield from check_javascript(block)
        case "yaml":
            pass
        case "mermaid":
            yield from check_diagram(block)
        case language if (language, block.file) in COMPARED:
            if not (ROOT / COMPARED[language, block.file]).exists():
                yield f"{COMPARED[language, block.file]} does not exist"
        case language if (language, block.file, block.heading) in RUN:
            pass
        case language:
            yield f"there is no check for a block of {language or 'no language'} below {block.heading!r}"
    if block.language == "json":
        for text in block.text.splitlines() if block.text.startswith('{"') and block.text.count("\n{") else [block.text]:
            json.loads(text)


def main():
    os.chdir(ROOT)
    every = every_block()
    # The list of changes names what was there once.
    mentions = [block for file in documents() if file != "CHANGELOG.md" for block in mentioned(file)]
    scripts = [block.text for block in every if block.language == "sh"]
    defined, held = set().union(*map(functions, scripts)), examples()
    problems = [f"{block}: {problem}" for block in every + mentions for problem in check(block, defined, held)]
    problems += check_yaml([block for block in every if block.language == "yaml"])
    problems += check_admin([(block, words) for block in every + mentions if block.language in ("sh", "mention") for words in commands(block.text) if words[0] == "admin"])
    problems += check_cost() + list(check_figures()) + check_running(blocks)
    if problems:
        sys.exit("\n".join(problems))
    print(f"documents: {len(every)} code blocks and {len(mentions)} commands in the prose of {len(documents())} documents are checked")


if __name__ == "__main__":
    main()
