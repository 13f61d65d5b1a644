"""Reads shell scripts as far as documents use them: which simple commands a script has, also inside $( ), functions and loops."""

import re

KEYWORDS = {"do", "done", "then", "else", "elif", "fi", "if", "while", "until", "esac", "{", "}", "!"}
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


class Reader:
    """Splits a script into the words of its simple commands; a word is without its quotes."""

    def __init__(self, text):
        self.text = text.replace("\\\n", " ")
        self.at = 0
        self.found = []

    def commands(self, end=""):
        """Reads up to `end`, which it leaves behind, or to the end of the text."""
        words = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if end and char == end:
                self.at += 1
                break
            if char == "#":
                self.at = self.text.find("\n", self.at) if "\n" in self.text[self.at :] else len(self.text)
            elif char in "\n;|()" or char == "&":
                self.at += 1
                self.add(words)
                words = []
            elif char.isspace():
                self.at += 1
            else:
                words.append(self.word(end))
        self.add(words)

    def add(self, words):
        while words and (words[0] in KEYWORDS or ASSIGNMENT.match(words[0])):
            words = words[1:]
        if words and words[0] not in ("for", "case") and words[0] != "*":
            self.found.append(words)

    def word(self, end):
        start, word = self.at, ""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char.isspace() or char in ";|()" or end and char == end or char == "&" and self.text[self.at - 1] not in "><":
                break
            if char == "\\":
                word += self.text[self.at + 1]
                self.at += 2
            elif char == "'":
                close = self.text.index("'", self.at + 1)
                word += self.text[self.at + 1 : close]
                self.at = close + 1
            elif char == '"':
                word += self.quoted()
            elif self.text.startswith("$(", self.at):
                word += self.substitution()
            else:
                word += char
                self.at += 1
        if self.at == start:
            raise ValueError(f"cannot read the script at {self.text[start : start + 40]!r}")
        return word

    def quoted(self):
        self.at += 1
        word = ""
        while self.text[self.at] != '"':
            if self.text[self.at] == "\\" and self.text[self.at + 1] in '$`"\\':
                word += self.text[self.at + 1]
                self.at += 2
            elif self.text.startswith("$(", self.at):
                word += self.substitution()
            else:
                word += self.text[self.at]
                self.at += 1
        self.at += 1
        return word

    def substitution(self):
        """Reads the commands of `$(…)`; of arithmetic, nothing. The result stands for what it would print."""
        if self.text.startswith("$((", self.at):
            self.at = self.text.index("))", self.at) + 2
            return "$NUMBER"
        self.at += 2
        self.commands(end=")")
        return "$OUTPUT"


def commands(script):
    """The simple commands of a script, each as its words."""
    reader = Reader(script)
    reader.commands()
    # The patterns of `case` look like commands.
    return [words for words in reader.found if "*" not in words[0]]


def functions(script):
    """The names of the functions and aliases that a script defines."""
    return set(re.findall(r"^(?:alias )?(\w+)(?:\(\) \{|=)", script, re.MULTILINE))
