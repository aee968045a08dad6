"""Reads the resolved text protos of run folders into nested dictionaries.

Fields, messages, strings, numbers, booleans and enum names are understood, a
field given twice becomes a list; there is no schema, so nothing is checked.
"""

import re

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<word>[^\s#"'{}\[\]<>:;,]+)|(?P<mark>[{}\[\]<>:;,])"""
)


def _tokens(text, path):
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise ValueError("%s:%d: cannot read this line" % (path, line))
        position = match.end()
        if match.lastgroup:
            yield match.group()


def _scalar(token):
    if token[0] in "\"'":
        return token[1:-1].encode().decode("unicode_escape")
    if token in ("true", "false"):
        return token == "true"
    for kind in (int, float):
        try:
            return kind(token)
        except ValueError:
            pass
    return token  # an enum's name


def _value(tokens, first, path):
    if first == "{":
        return _message(tokens, "}", path)
    if first != "[":
        return _scalar(first)
    values = []
    for token in tokens:
        if token == "]":
            return values
        if token != ",":
            values.append(_value(tokens, token, path))
    raise ValueError("%s: '[' without ']'" % path)


def _message(tokens, end, path):
    fields = {}
    for name in tokens:
        if name == end:
            return fields
        if name in ",;":
            continue
        mark = next(tokens, None)
        first = next(tokens, None) if mark == ":" else mark
        if first is None or (mark != ":" and first != "{"):
            raise ValueError("%s: no value after '%s'" % (path, name))
        value = _value(tokens, first, path)
        if name in fields:
            old = fields[name]
            value = (old if isinstance(old, list) else [old]) + [value]
        fields[name] = value
    if end is not None:
        raise ValueError("%s: '{' without '}'" % path)
    return fields


def read(path):
    with open(path) as file:
        return _message(_tokens(file.read(), path), None, path)
