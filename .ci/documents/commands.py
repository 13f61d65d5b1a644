"""Checks commands of the documents against what defines them: AWS's own description of its API, the commands of the SAM CLI, template.yaml,
openapi.yaml and the binaries."""

import functools
import re
import subprocess
import sys
import tomllib

import botocore.exceptions
import botocore.session
import jmespath
import yaml
from botocore import xform_name

from blocks import ROOT

sys.path.insert(0, str(ROOT / ".ci"))
import stack  # noqa: E402

PLACEHOLDER = re.compile(r"[$…{]|^[A-Z][A-Z_]*$")
# Options of every command of the AWS CLI.
GLOBAL = {"--query", "--output", "--region", "--profile", "--endpoint-url", "--no-paginate"}
# What the AWS CLI calls by another name than the API: services, and options of an operation.
SERVICES = {"deploy": "codedeploy"}
RENAMED = {("sns", "subscribe"): {"--endpoint": "--notification-endpoint"}}
# Programs that every system has, and the language of the shell.
UNIX = set(
    "alias awk continue cp cut date docker echo export git grep head local printf python3 return sed sha256sum sleep "
    "sort tail tr xargs [".split()
)


@functools.cache
def parameters(folder="."):
    """The parameters of a template."""
    return stack.yaml_parse((ROOT / folder / "template.yaml").read_text()).get("Parameters", {})


@functools.cache
def queries():
    """The names of the queries that the stack saves, after the stack's own."""
    found = stack.Stack().of_type("AWS::Logs::QueryDefinition").values()
    return {one["Name"].removeprefix(stack.PSEUDO["AWS::StackName"]) for one in found}


@functools.cache
def outputs(folder):
    """The names of the outputs of a template."""
    return set(stack.yaml_parse((ROOT / folder / "template.yaml").read_text())["Outputs"])


def problem_with_setting(setting, folder="."):
    """What is wrong with NAME=VALUE for a template."""
    if setting in ("NAME=VALUE", "$@"):
        return None
    name, equals, value = setting.partition("=")
    if not equals or name not in parameters(folder):
        return f"{setting}: no parameter of {folder}/template.yaml"
    one, value = parameters(folder)[name], value.strip("'")
    if PLACEHOLDER.search(value):
        return None
    if "AllowedValues" in one and value not in map(str, one["AllowedValues"]):
        return f"{setting}: not one of {one['AllowedValues']}"
    if "AllowedPattern" in one and not re.search(one["AllowedPattern"], value):
        return f"{setting}: does not match {one['AllowedPattern']}"
    if "MinValue" in one and not one["MinValue"] <= int(value) <= one.get("MaxValue", int(value)):
        return f"{setting}: out of range"
    return None


@functools.cache
def service(name):
    return botocore.session.get_session().get_service_model(SERVICES.get(name, name))


def check_aws(words):
    """Yields what is wrong with a command of the AWS CLI."""
    name, operation, *rest = words
    try:
        model = service(name)
    except botocore.exceptions.UnknownServiceError:
        yield f"aws {name}: no such service"
        return
    options = [word for word in rest if word.startswith("--")]
    if operation == "wait":
        waiters = botocore.session.get_session().get_waiter_model(SERVICES.get(name, name)).waiter_names
        if rest[0] not in {xform_name(one, "-") for one in waiters}:
            yield f"aws {name} wait {rest[0]}: no such waiter"
        return
    known = {xform_name(one, "-"): one for one in model.operation_names}
    if operation not in known:
        yield f"aws {name} {operation}: no such operation"
        return
    shape = model.operation_model(known[operation]).input_shape
    members = {"--" + xform_name(one, "-"): kind for one, kind in (shape.members if shape else {}).items()}
    renamed = RENAMED.get((name, operation), {})
    members = {renamed.get(option, option): kind for option, kind in members.items()}
    booleans = {f"--no-{one[2:]}" for one, kind in members.items() if kind.type_name == "boolean"}
    # A structure of one member has the member's option, too.
    nested = {"--" + xform_name(one, "-") for kind in members.values() if kind.type_name == "structure" for one in kind.members}
    nested |= {f"--no-{one[2:]}" for one in nested}
    paging = {"--max-items", "--starting-token", "--page-size", "--limit", "--select"}
    for option in options:
        if option not in GLOBAL | set(members) | booleans | nested | paging:
            yield f"aws {name} {operation}: no option {option}"
    required = {"--" + xform_name(one, "-") for one in (shape.required_members if shape else [])}
    if missing := required - set(options):
        yield f"aws {name} {operation}: needs {', '.join(sorted(missing))}"
    if "--query" in rest:
        query = rest[rest.index("--query") + 1]
        try:
            jmespath.compile(query)
        except jmespath.exceptions.JMESPathError as error:
            yield f"aws {name} {operation}: --query {query}: {error}"


@functools.cache
def sam_options(words):
    """The options of a command of the SAM CLI."""
    import importlib

    modules = {("local", "invoke"): "local.invoke.cli", ("local", "start-api"): "local.start_api.cli"}
    module = modules.get(words, f"{words[0]}.command" if len(words) == 1 else None)
    if module is None:
        return None
    try:
        found = importlib.import_module(f"samcli.commands.{module}").cli
    except ModuleNotFoundError:
        return None
    return {option for one in found.params for option in (*one.opts, *one.secondary_opts)}


def check_sam(words, folder):
    """Yields what is wrong with a command of the SAM CLI."""
    if words == ["local"]:
        return
    command = tuple(words[:2] if words[0] == "local" else words[:1])
    options = sam_options(command)
    if options is None:
        yield f"sam {' '.join(command)}: no such command"
        return
    rest = words[len(command) :]
    for at, word in enumerate(rest):
        value = rest[at + 1] if at + 1 < len(rest) else ""
        if word.startswith("--") and word not in options:
            yield f"sam {' '.join(command)}: no option {word}"
        elif word == "--config-env" and value not in tomllib.loads((ROOT / "samconfig.toml").read_text()):
            yield f"samconfig.toml has no environment {value}"
        elif word == "--parameter-overrides":
            settings = [one for one in rest[at + 1 :] if "=" in one and not one.startswith("--")]
            yield from filter(None, (problem_with_setting(one, folder) for one in settings))
        elif word == "--event" and not value.startswith("target/") and not (ROOT / value).exists():
            yield f"sam: there is no {value}"
    if command == ("local", "invoke") and rest and rest[0] not in stack.source()["Resources"]:
        yield f"sam local invoke: template.yaml has no {rest[0]}"


@functools.cache
def routes():
    """Method and path of every operation of openapi.yaml."""
    paths = yaml.safe_load((ROOT / "openapi.yaml").read_text())["paths"]
    return {(method.upper(), path) for path, one in paths.items() for method in one if method != "parameters"}


def is_route(method, path):
    """Whether the API, or the local server, has this route."""
    parts = re.sub(r"\$\w+|\$\{[^}]*\}", "{}", path).split("?")[0].rstrip("/").split("/")
    if parts[1:2] == ["_local"]:
        return True
    return any(
        method == one and len(parts) == len(wanted := known.split("/")) and all(w.startswith("{") or p == w for p, w in zip(parts, wanted))
        for one, known in routes()
    )


def check_request(words):
    """Yields what is wrong with a call of curl, or of the documents' `call`."""
    address = next((word for word in words if re.match(r"\$(API|LATCHKEY)/|https?://127\.0\.0\.1:\d+/", word)), None)
    if address is None:
        # What a function passes on.
        if words and "$@" not in words:
            yield f"curl without an address: {' '.join(words)}"
        return
    path = "/" + re.sub(r"^\$\w+/|^https?://[^/]+/", "", address)
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    if method != "OPTIONS" and not is_route(method, path) and path not in ("/me", "/orders"):
        yield f"no route {method} {path}"


def crates(words):
    """What `cargo add` adds."""
    return [word.split("@")[0] for before, word in zip(["", *words], words) if not word.startswith("-") and before not in ("--features", "-F")]


def check_cargo(words):
    """Yields what is wrong with a command of cargo."""
    packages = [value for option, value in zip(words, words[1:]) if option == "-p"]
    if words[0] == "run":
        options = words[words.index("--") + 1 :] if "--" in words else []
        yield from check_options((packages or ["local"])[0], options)
    elif words[0] == "add":
        known = tomllib.loads((ROOT / "examples/verifiers/axum/Cargo.toml").read_text())["dependencies"]
        yield from (f"examples/verifiers/axum has no dependency {one}" for one in crates(words[1:]) if one not in known)
    elif words[0] not in ("build", "test", "clippy", "fmt"):
        yield f"cargo {words[0]}: no such command"
    for package in packages:
        if not any((ROOT / folder / package / "Cargo.toml").exists() for folder in (".", "functions")):
            yield f"cargo -p {package}: no such package"


def check_options(program, options):
    """Yields what is wrong with the options of one of the programs."""
    settings = [value for option, value in zip(options, options[1:]) if option == "--set"]
    yield from filter(None, (problem_with_setting(one) for one in settings))
    # An option that is not known is an error, also beside --help.
    done = subprocess.run([ROOT / "target/debug" / program, *options, "--help"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"cargo run -p {program} -- {' '.join(options)}: {done.stderr.splitlines()[0]}"


def check_command(words, folder, defined):
    """Yields what is wrong with one simple command; `admin` is tried on a server."""
    name, rest = words[0], words[1:]
    match name:
        case "aws" if rest == ["configure"]:
            pass
        case "aws":
            yield from check_aws(rest)
        case "sam":
            yield from check_sam(rest, folder)
        case "cargo":
            yield from check_cargo(rest)
        case "change":
            yield from filter(None, (problem_with_setting(one) for one in rest))
        case "curl" | "call":
            yield from check_request(rest)
        case "query":
            if rest and f"/{rest[0]}" not in queries():
                yield f"template.yaml has no saved query {rest[0]}"
        case "output":
            if rest[-1:] and rest[-1] not in outputs(".") | outputs(folder):
                yield f"no output {rest[-1]}"
        case "xargs" if "aws" in rest:
            yield from check_aws(rest[rest.index("aws") + 1 :])
        case "admin":
            pass
        case _ if "/" in name and not PLACEHOLDER.match(name):
            if not (ROOT / name).exists():
                yield f"there is no {name}"
        case _ if name not in UNIX | defined and not name.startswith("$"):
            yield f"unknown command {name}"
