"""Keeps the list of `unsafe` code in docs/ROBUSTNESS.md: every block, function and implementation, with its argument.

    python3 scripts/unsafe_list.py            fails where the list and the code differ
    python3 scripts/unsafe_list.py --update   writes the list

A block's argument is the `// SAFETY:` comment above it, that of a function the section `# Safety` of its
documentation. Code without one is an error.
"""

import re
import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/ROBUSTNESS.md"
START, END = "<!-- unsafe code -->\n", "<!-- end of unsafe code -->\n"
FOLDERS = ["src", "cli", "experiments", "ffi", "firmware", "no-std-check", "examples", "benches", "tests", "fuzz"]

KINDS = {"{": "block", "fn": "function", "impl": "implementation"}
UNSAFE = re.compile(r"\bunsafe\s+(\{|fn\b|impl\b|extern\b)|\bunsafe\s*\{")
FUNCTION = re.compile(r"\b(?:fn|macro_rules!)\s+([\w$]+)")


def code(line):
    """A line without its comment and its texts."""
    return re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def comment_above(lines, index, marker):
    """The comment or documentation that begins with `marker` in the lines just above, without attributes."""
    texts = []
    for line in reversed(lines[:index]):
        line = line.strip()
        if line.startswith("#[") or (not line.startswith("//") and not texts and not line.endswith(("}", "{", ";"))):
            continue
        if not line.startswith("//"):
            break
        texts.insert(0, line.lstrip("/ ").strip())
    _, found, text = " ".join(texts).partition(marker)
    return text.split(" # ")[0].strip() if found else None


def indent(line):
    return len(line) - len(line.lstrip())


def function_around(lines, index):
    """The function, or else the macro, that a line is in: the nearest one above that begins further left than
    all that comes between."""
    least = indent(lines[index]) + 1
    for line in reversed(lines[: index + 1]):
        found = FUNCTION.search(code(line))
        if found and indent(line) < least:
            return found.group(1)
        if line.strip() and not line.lstrip().startswith(")"):  # the end of a signature of several lines
            least = min(least, indent(line))
    return ""


def entries(path):
    """The function, the kind, the argument and the line of everything unsafe in a file."""
    lines = path.read_text().splitlines()
    for index, line in enumerate(lines):
        text = code(line)
        for found in UNSAFE.finditer(text):
            kind = found.group(1) or "{"
            if kind == "extern":
                # A block of declarations: nothing is done there. A function is one as any other.
                if "fn" not in text[found.end() :]:
                    continue
                kind = "fn"
            if kind == "{":
                argument = comment_above(lines, index, "SAFETY:")
            else:
                argument = comment_above(lines, index, "# Safety")
            yield function_around(lines, index), KINDS[kind], argument, index + 1


def table():
    rows, missing, count = [], [], 0
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.rs")):
            if "target" in path.relative_to(ROOT).parts:
                continue
            name = path.relative_to(ROOT)
            above = None
            for function, kind, argument, line in entries(path):
                if not argument:
                    missing.append(f"{name}:{line}")
                    continue
                argument = above if argument.startswith("as above") and above else argument
                above = argument
                count += 1
                rows.append((f"`{name}`", f"`{function}`", kind, argument))
    if missing:
        sys.exit("no argument for the unsafe code at " + ", ".join(missing))
    text = "| file | in | what | why it is sound |\n|---|---|---|---|\n"
    for (file, function, kind, argument), same in groupby(rows):
        times = len(list(same))
        what = kind if times == 1 else f"{times} {kind}s"
        text += f"| {file} | {function} | {what} | {argument} |\n"
    return f"{count} places.\n\n{text}"


def main(arguments):
    document = DOCUMENT.read_text()
    before, _, rest = document.partition(START)
    listed, _, after = rest.partition(END)
    assert rest and after is not None, "the document has no place for the list"
    want = "\n" + table() + "\n"
    if arguments == ["--update"]:
        DOCUMENT.write_text(before + START + want + END + after)
    elif listed != want:
        code_lines, document_lines = want.splitlines(), listed.splitlines()
        for line in [line for line in code_lines if line not in document_lines]:
            print(f"only in the code:     {line}")
        for line in [line for line in document_lines if line not in code_lines]:
            print(f"only in the document: {line}")
        sys.exit("docs/ROBUSTNESS.md lists other unsafe code: python3 scripts/unsafe_list.py --update")
    print(want.split("\n")[1].rstrip("."), "of unsafe code, each with its argument")


if __name__ == "__main__":
    main(sys.argv[1:])
