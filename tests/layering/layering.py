"""The direction of dependence between folders, as rules over #include lines.

  kernels/base <- kernels/math <- kernels/<k> <- experiments/model <- experiments/<section>

with experiments/run (config, run folder, threads) between kernels and model,
protos/ under everything but kernels, tests/ and tools/ on top.
"""

import os
import re

# Folders from the bottom up. A file may include its own folder and those that
# its folder's row names; the first row that matches counts. "<own>" in a row is
# what the parentheses caught.
_MAY_INCLUDE = [
    (r"kernels/base/", ["kernels/base/"]),
    (r"kernels/math/", ["kernels/base/", "kernels/math/"]),
    # A kernel made of another one: listed, so that no circle can grow.
    (
        r"kernels/alibi_attention/",
        [
            "kernels/alibi_attention/",
            "kernels/base/",
            "kernels/linear/",
            "kernels/math/",
            "kernels/softmax/",
        ],
    ),
    (
        r"kernels/embedding/",
        ["kernels/base/", "kernels/embedding/", "kernels/math/", "kernels/rows/"],
    ),
    (
        r"kernels/large_product/",
        [
            "kernels/base/",
            "kernels/large_product/",
            "kernels/linear/",
            "kernels/linear_bf16/",
            "kernels/math/",
        ],
    ),
    (
        r"kernels/linear_bf16/",
        ["kernels/base/", "kernels/linear/", "kernels/linear_bf16/", "kernels/math/"],
    ),
    (r"kernels/(\w+)/", ["kernels/base/", "kernels/math/", "kernels/<own>/"]),
    (r"protos/", ["protos/"]),
    (r"experiments/run/", ["experiments/run/", "kernels/", "protos/"]),
    (
        r"experiments/model/",
        ["experiments/model/", "experiments/run/", "kernels/", "protos/"],
    ),
    # A sweep runs the other sections, and so does who repeats a run.
    (r"experiments/(?:inspect|sweep)/", ["experiments/", "kernels/", "protos/"]),
    (
        r"experiments/(\w+)/",
        ["experiments/<own>/", "experiments/model/", "experiments/run/", "kernels/", "protos/"],
    ),
    (r"tools/", ["experiments/", "kernels/", "protos/", "tools/"]),
    (r"tests/", ["experiments/", "kernels/", "protos/", "tests/", "tools/"]),
]
_OURS = ("experiments/", "kernels/", "protos/", "tests/", "tools/")

# Tests and benchmarks, wherever they lie, may include what others may not.
_TEST_FILE = re.compile(r"_(test|testing|bench|ref)\.(cc|h)$|^tests/")
_TEST_ONLY = re.compile(
    r"^(tests/|gtest/|gmock/|benchmark/|(experiments|kernels|tools)/.*_(test|testing|bench|ref)\.h$)"
)

# All that a kernel may include of others. Files, clocks, threads, containers,
# logging, flags and protobuf are missing on purpose.
_KERNEL_HEADERS = {
    "algorithm", "array", "cfloat", "cmath", "cstddef", "cstdint", "cstring",
    "functional", "initializer_list", "iterator", "limits", "numeric",
    "string_view", "tuple", "type_traits", "utility",
    "absl/base/attributes.h", "absl/functional/function_ref.h",
    "absl/numeric/bits.h", "absl/types/span.h",
}  # fmt: skip
# The same for what needs no header.
_KERNEL_WORDS = re.compile(
    r"\b(new|delete(?=\s*[\[\w(*])|malloc|calloc|realloc|free|aligned_alloc|AllocateAligned"
    r"|std::(vector|string|map|set|unique_ptr|make_unique|function|thread|mutex|async)"
    r"|s?n?printf|fopen|getenv|throw|try|catch|dynamic_cast|typeid|thread_local)\b(?!\s*\))"
)

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
_IMPORT = re.compile(r'^\s*import\s+(?:public\s+|weak\s+)?"([^"]+)"', re.M)
_COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def _without_comments_and_strings(text):
    return _COMMENT_OR_STRING.sub(lambda m: " " + "\n" * m.group().count("\n"), text)


def _line(text, at):
    return text.count("\n", 0, at) + 1


def _allowed_folders(path):
    for pattern, folders in _MAY_INCLUDE:
        match = re.match(pattern, path)
        if match:
            own = match.group(1) if match.groups() else ""
            return [f.replace("<own>", own) for f in folders]
    return []


def check_file(path, text):
    """What is wrong with one source file: a list of "path:line: reason"."""
    bad = []
    is_test = bool(_TEST_FILE.search(path))
    is_kernel = path.startswith("kernels/") and not is_test

    def complain(at, reason):
        bad.append("%s:%d: %s" % (path, _line(text, at), reason))

    if path.endswith(".proto"):
        for m in _IMPORT.finditer(text):
            if not m.group(1).startswith(("protos/", "google/protobuf/")):
                complain(m.start(1), "a schema imports %s" % m.group(1))
        return bad

    allowed = _allowed_folders(path)
    for m in _INCLUDE.finditer(text):
        header = m.group(2)
        if not is_test and _TEST_ONLY.match(header):
            complain(m.start(2), "%s is for tests and benchmarks" % header)
        elif header.startswith("tests/") and is_test:
            pass
        elif header.startswith(_OURS):
            if not header.startswith(tuple(allowed)):
                complain(m.start(2), "%s may not include %s" % (os.path.dirname(path), header))
        elif is_kernel and not header.startswith("hwy/") and header not in _KERNEL_HEADERS:
            complain(m.start(2), "a kernel may not include %s" % header)
    if is_kernel:
        code = _without_comments_and_strings(text)
        for m in _KERNEL_WORDS.finditer(code):
            bad.append("%s:%d: a kernel may not use %s" % (path, _line(code, m.start()), m.group(1)))
    return bad


def check_kernel_folder(name, files, index):
    """What is missing of the fixed shape of kernels/NAME.

    Args:
      name: the folder's.
      files: the names in it.
      index: the text of kernels/README.md.
    """
    fixed = ["BUILD"] + [
        name + end for end in (".h", "-inl.h", ".cc", "_ref.h", "_test.cc", "_bench.cc")
    ]
    bad = ["kernels/%s/%s is missing" % (name, f) for f in fixed if f not in files]
    if not re.search(r"^\| *\[`?%s`?\]" % re.escape(name), index, re.M):
        bad.append("kernels/README.md has no row that starts with [%s]" % name)
    return bad


def check_visibility(path, text):
    """Targets are private unless a package says who uses them; never public.

    tests/support is testonly: it may be.
    """
    if path.startswith(("tests/support/", "third_party/")):
        return []
    return [
        "%s:%d: //visibility:public" % (path, _line(text, m.start()))
        for m in re.finditer(r"//visibility:public", text)
    ]


def sources(root):
    """Paths, relative to root, of every file that the rules are about."""
    for top in ("experiments", "kernels", "protos", "tests", "tools"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                yield os.path.relpath(os.path.join(folder, name), root)


def check_tree(root):
    """Every violation in the tree, and how many files were looked at."""
    bad, count = [], 0
    kernels = {}
    for path in sources(root):
        parts = path.split(os.sep)
        if parts[0] == "kernels" and len(parts) == 3 and parts[1] != "base":
            kernels.setdefault(parts[1], set()).add(parts[2])
        if not path.endswith((".h", ".cc", ".proto", "/BUILD")):
            continue
        count += 1
        with open(os.path.join(root, path), encoding="utf-8") as f:
            text = f.read()
        bad += (check_visibility if path.endswith("/BUILD") else check_file)(path, text)
    with open(os.path.join(root, "kernels/README.md"), encoding="utf-8") as f:
        index = f.read()
    for name, files in sorted(kernels.items()):
        bad += check_kernel_folder(name, files, index)
    return bad, count
