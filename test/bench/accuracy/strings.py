"""Prints the string literals of Python files that are longer than some characters: {"name", "text"} a line.

strings.py LEAST FOLDER..."""

import ast
import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
least = int(sys.argv[1])


def texts(tree):
    inner = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
            parts = (part.value if isinstance(part, ast.Constant) else "{value}" for part in node.values)
            yield "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value


for folder in map(Path, sys.argv[2:]):
    for file in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(file.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        for text in texts(tree):
            if len(text) > least:
                print(json.dumps({"name": f"{folder.name}/{file.relative_to(folder)}", "text": text}))
