"""Reads the SDK's headers: what they define, in order, with the comments. Knows only as much C as they are written in."""
import os
import re

INCLUDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "include", "timmybot")


class Header:
    def __init__(self, name):
        self.name, self.intro, self.items = name, [], []


class Define:
    kind = "define"

    def __init__(self, name, value, comment):
        self.name, self.value, self.comment = name, value, comment


class Struct:
    kind = "struct"

    def __init__(self, name, comment):
        self.name, self.comment, self.fields = name, comment, []


class Field:
    """A member of a struct, a typedef (`kind` "typedef") or a declared function ("function"). `arguments` is None for data."""

    kind = "field"

    def __init__(self, name, type, arguments, comment):
        self.name, self.type, self.arguments, self.comment = name, type, arguments, comment


def tidy(text):
    return re.sub(r"\s+", " ", text).strip()


def argument(text):
    """"const tb_str *values" -> (type, name)"""
    text = tidy(text).replace("struct ", "")
    match = re.fullmatch(r"(.*?)(\w+)", text)
    return (tidy(match.group(1)), match.group(2))


def arguments_of(text):
    text = tidy(text)
    return [] if text == "void" else [argument(part) for part in text.split(",")]


def declaration(text, comment):
    """Fields of one declaration without its semicolon."""
    text = tidy(text)
    function = re.fullmatch(r"(.*?)\(\*(\w+)\)\((.*)\)", text)
    if function:
        return [Field(function.group(2), tidy(function.group(1)), arguments_of(function.group(3)), comment)]
    first, *others = text.split(",")
    type, name = argument(first)
    return [Field(n, type, None, comment) for n in [name] + [tidy(o) for o in others]]


def define(line, comment):
    match = re.fullmatch(r"#define (\w+) (.+?)(?:\s*//\s*(.*))?", line)
    if not match or "(" in match.group(1):
        return None
    value = match.group(2).strip()
    trailing = match.group(3) or ""
    return Define(match.group(1), value, tidy(comment + " " + trailing))


def code_and_comment(line):
    code, _, comment = line.partition("//")
    return (code, comment.strip()) if not re.match(r'.*"[^"]*$', code) else (line, "")


def read(name):
    header, struct = Header(name), None
    pending, text, trailing = [], "", ""
    with open(os.path.join(INCLUDE, name + ".h"), encoding="utf-8") as file:
        lines = file.read().replace("\\\n", "\\").split("\n")
    is_intro = True
    for line in lines:
        stripped = line.strip()
        if is_intro:
            if not stripped.startswith("//"):
                is_intro = False
            else:
                header.intro.append(line.strip()[2:].rstrip())
                continue
        if stripped.startswith("//"):
            pending.append(stripped[2:].strip())
            continue
        if not stripped:
            pending = []
            continue
        if stripped.startswith("#"):
            item = define(stripped, " ".join(pending))
            if item:
                header.items.append(item)
            pending = []
            continue
        if stripped == "}" or stripped.startswith('extern "C"') or stripped.startswith("TB_STATIC_ASSERT"):
            continue
        begins = re.fullmatch(r"typedef struct (\w+) \{", stripped)
        if begins:
            struct = Struct(begins.group(1), " ".join(pending))
            header.items.append(struct)
            pending = []
            continue
        if struct and re.fullmatch(r"\} \w+;", stripped):
            struct, pending = None, []
            continue
        code, comment = code_and_comment(stripped)
        text, trailing = text + " " + code.strip(), tidy(trailing + " " + comment)
        if not text.rstrip().endswith(";"):
            continue
        statement, text = tidy(text)[:-1], ""
        words = tidy(" ".join(pending) + " " + trailing)
        pending, trailing = [], ""
        if struct:
            struct.fields += declaration(statement, words)
        elif statement.startswith("typedef "):
            for field in declaration(statement[len("typedef "):], words):
                field.kind = "typedef"
                header.items.append(field)
        else:
            function = re.fullmatch(r"(.*?)(\w+)\((.*)\)", statement)
            field = Field(function.group(2), tidy(function.group(1)), arguments_of(function.group(3)), words)
            field.kind = "function"
            header.items.append(field)
    return header


def all_headers():
    """Every interface, each after those that it includes."""
    names = sorted(n[:-2] for n in os.listdir(INCLUDE) if n.endswith(".h") and n != "timmybot.h")
    order = []

    def visit(name):
        with open(os.path.join(INCLUDE, name + ".h"), encoding="utf-8") as file:
            for other in re.findall(r'#include "(\w+)\.h"', file.read()):
                if other not in order:
                    visit(other)
        if name not in order:
            order.append(name)

    for name in names:
        visit(name)
    return [read(name) for name in order]
