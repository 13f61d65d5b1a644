"""The code blocks of the documents."""

import dataclasses
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OPENING = re.compile(r"( *)(```+)(\w*)$")


@dataclasses.dataclass
class Block:
    file: str
    heading: str
    language: str
    text: str
    line: int

    def __str__(self):
        return f"{self.file}:{self.line}"


def documents():
    """Every Markdown file of the project."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    return [name for name in subprocess.check_output(listed, cwd=ROOT, text=True).splitlines() if (ROOT / name).exists()]


def blocks(file):
    """The blocks of a document, without their indentation."""
    found, heading, opened = [], "", None
    for number, line in enumerate((ROOT / file).read_text().splitlines(), 1):
        if opened is None:
            if title := re.match(r"#+ (.*)", line):
                heading = title[1]
            elif begin := OPENING.match(line):
                opened = (begin, number, [])
            elif "```" in line:
                raise SystemExit(f"{file}:{number}: a code block begins in the middle of a line")
        elif line.strip() == opened[0][2]:
            begin, start, lines = opened
            found.append(Block(file, heading, begin[3], "".join(f"{one}\n" for one in lines), start))
            opened = None
        else:
            lines = opened[2]
            lines.append(line.removeprefix(opened[0][1]))
    if opened is not None:
        raise SystemExit(f"{file}: a code block has no end")
    return found


def mentioned(file):
    """The commands that the prose of a document mentions in `code`, as blocks."""
    text = re.sub(r"^( *)```[\s\S]*?^\1```$", lambda match: "\n" * match[0].count("\n"), (ROOT / file).read_text(), flags=re.MULTILINE)
    # The tables of docs/admin.md leave out the name of the program.
    pattern = r"`((?:admin|aws|sam|change|query|cargo run) [^`]+)`"
    if file == "docs/admin.md":
        pattern = pattern.replace("admin|", "admin|user|superuser|sessions|mails|limits|keys|restore|check|smoke|")
    for found in re.finditer(pattern, text):
        command = " ".join(found[1].split())
        known = command.startswith(("admin ", "aws ", "sam ", "change ", "query ", "cargo "))
        yield Block(file, "", "mention", command if known else f"admin {command}", text.count("\n", 0, found.start()) + 1)


def every_block():
    return [block for file in documents() for block in blocks(file)]
