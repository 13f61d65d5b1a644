"""`.ci/settings.py [--check]`: writes the tables of docs/settings.md from the parameters of template.yaml, or says with `--check`
whether they are up to date.

The table of a group of parameters is below the heading of its name, that of the rules below `## Combinations that are refused`. All
else on the page is written by hand."""

import re
import sys

import stack

PAGE = stack.TEMPLATE.parent / "docs/settings.md"
RULES = "Combinations that are refused"


def allowed(parameter):
    """What a value must be, in words."""
    if "AllowedValues" in parameter:
        return ", ".join(f"`{value}`" for value in parameter["AllowedValues"])
    if "MinValue" in parameter:
        return f"{parameter['MinValue']:,} to {parameter['MaxValue']:,}" if "MaxValue" in parameter else f"{parameter['MinValue']:,} or more"
    if "AllowedPattern" in parameter:
        return re.sub("^must be ", "", parameter["ConstraintDescription"])
    return "any text"


def cell(text):
    return str(text).replace("|", "\\|").replace("<", "&lt;")


def table(heading, rows):
    return "\n".join(["| " + " | ".join(row) + " |" for row in [heading, ["---"] * len(heading), *rows]]) + "\n"


def tables(template):
    """Each heading's table."""
    parameters = template["Parameters"]
    groups = {
        one["Label"]["default"]: one["Parameters"] for one in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    }
    listed = [name for names in groups.values() for name in names]
    if sorted(listed) != sorted(parameters):
        sys.exit(f"template.yaml: in no group, or in two, or no parameter: {sorted(set(listed) ^ set(parameters)) or 'listed twice'}")
    undescribed = [
        name
        for name, one in parameters.items()
        if "Description" not in one or "AllowedPattern" in one and not one.get("ConstraintDescription", "").startswith("must be ")
    ]
    # A `#` after a space begins a comment of YAML, unless the text has quotes.
    undescribed += [name for name, one in parameters.items() if not one.get("Description", "").endswith((".", ")"))]
    if undescribed:
        sys.exit(f"template.yaml: no Description that ends with a full stop, or no ConstraintDescription that begins with `must be`: {undescribed}")
    found = {}
    for label, names in groups.items():
        rows = []
        for name in names:
            one = parameters[name]
            default = f"`{one['Default']}`" if one["Default"] != "" else "empty"
            rows.append([f"`{name}`", default, cell(allowed(one)), cell(one["Description"])])
        found[label] = table(["Parameter", "Default", "Allowed", "What it does, and why"], rows)
    texts = [text["AssertDescription"] for rule in template["Rules"].values() for text in rule["Assertions"]]
    found[RULES] = table(["Refused before anything changes"], [[cell(text)] for text in texts])
    return found


def check_essential_functions(template):
    """The functions for which concurrency can be reserved are those that the parameter's description and docs/deploying.md name."""
    reserved = set()
    for one in template["Resources"].values():
        if "HasEssentialReservedConcurrency" in str(one.get("Properties", {}).get("ReservedConcurrentExecutions")):
            reserved.add(one["Metadata"]["BuildProperties"]["Binary"])
    description = template["Parameters"]["EssentialReservedConcurrency"]["Description"].split(" - ")[1].split(".")[0]
    document = (PAGE.parent / "deploying.md").read_text().split("`EssentialReservedConcurrency=20`")[1].split(", each)")[0]
    for where, named in (("EssentialReservedConcurrency", description), ("docs/deploying.md", document)):
        if set(re.findall(r"\w+", named)) - {"and"} != reserved:
            sys.exit(f"{where} names {named}, and concurrency is reserved for {sorted(reserved)}")


def main():
    page = old = PAGE.read_text()
    check_essential_functions(stack.source())
    found = tables(stack.source())
    for heading, new in found.items():
        page, count = re.subn(
            rf"^(## {re.escape(heading)}\n(?:(?!#|\|).*\n)*)(?:\|.*\n)*\n*", lambda match: f"{match[1]}{new}\n", page, flags=re.MULTILINE
        )
        if count != 1:
            sys.exit(f"docs/settings.md needs a heading `## {heading}`")
    page = page.rstrip("\n") + "\n"
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    tabled = [heading for heading in headings if re.search(rf"^## {re.escape(heading)}\n(?:(?!#|\|).*\n)*\|", page, re.MULTILINE)]
    if set(tabled) != set(found):
        sys.exit(f"docs/settings.md has tables of no group: {sorted(set(tabled) - set(found))}")
    if sys.argv[1:] == ["--check"]:
        if page != old:
            sys.exit("docs/settings.md differs from template.yaml; run .ci/settings.py")
        print(f"settings: docs/settings.md has the {len(stack.source()['Parameters'])} parameters of template.yaml")
    else:
        PAGE.write_text(page)


main()
