"""The result of equivalence.py as Markdown and JSON."""

import json
import statistics

import markdown_table

_HOW = """\
%(configurations)s, %(seeds)d seeds each, trained twice: by our program and by the
reference's model in PyTorch, with the same data, initial weights and order of
batches. `tools/peer/equivalence.py` makes the runs and this page; the numbers of
every seed are in [equivalence.json](equivalence.json).

**Equivalent** means that two one-sided paired t tests at level %(alpha)g both reject:
the mean difference, ours - PyTorch, is shown to lie within the margin. That is so
exactly if its %(confidence)g %% interval does. Too few or too scattered runs end
"undecided"; "different" is an interval wholly beyond the margin. No correction for
many tests is needed to claim all of them: each has to pass.

**Margins** are fixed in the script, by runs of our program alone. A margin is PyTorch's
standard deviation between seeds divided by %(divisor).4g = sqrt(5), %(reason)s,
but no less than a [floor](#floors-of-the-margins). The deviation is estimated from
the same runs, so the level is approximate where the floor does not count, and where
a seed fails to solve the task the deviation is wide: hence the names, above, of
metrics that owe their verdict to it.

**Parting.** Runs that differ in rounding follow each other until training amplifies
the difference; from there on they are two samples of one distribution rather than
one run computed twice. A pair counts as parted from the first step whose losses
differ by more than 0.1 %%. The KS distance of the two sides' distributions is for
information: with pairs that do not part it says only which of two nearly equal
numbers is larger.
"""

_COMMANDS = [
    "```",
    "./bazelw build //experiments:induction //experiments:classification",
    "tools/bench/peers.sh --debian",
    "tools/peer/equivalence.py",
    "```",
]


def _number(value):
    return "%.4g" % value


def _spread(side):
    return "%.5g (%.2g)" % (side["mean"], side["sd"])


def _row(metric):
    low, high = metric["interval"]
    return [
        metric["metric"],
        _spread(metric["ours"]),
        _spread(metric["reference"]),
        "%.2g" % metric["difference"]["mean"],
        "%.2g to %.2g" % (low, high),
        "%.2g" % metric["margin"],
        "%.1g" % metric["p"] if metric["p"] >= 1e-6 else "< 1e-6",
        _number(metric["ks_distance"]),
        metric["verdict"],
    ]


_HEAD = [
    "metric",
    "ours, mean (sd)",
    "PyTorch, mean (sd)",
    "difference",
    "its interval",
    "margin",
    "p",
    "KS distance",
    "verdict",
]


def parting_text(result):
    """How many pairs parted, and where; `steps` is the length of the runs."""
    parted = [step for step in result["parting_steps"] if step is not None]
    text = "%d of %d pairs part" % (len(parted), len(result["parting_steps"]))
    if parted:
        middle = statistics.median_low(parted)
        text += " (at steps %d to %d, median %d)" % (min(parted), max(parted), middle)
    return text


def config_text(config):
    """What sets a configuration apart, as a reader of the paper would say it."""
    layers, heads = config["num_layers"], config["num_heads"]
    parts = [
        config["experiment"],
        config["attention_type"],
        "%d layer%s" % (layers, "s" * (layers > 1)),
        "%d head%s" % (heads, "s" * (heads > 1)),
        "MLP" if config["use_mlp"] else "no MLP",
        "layer norm" if config["use_layernorm"] else "no layer norm",
        "vocabulary %d" % config["vocab_size"],
        "width %d" % config["embed_dim"],
        "%d training sequences of %d tokens"
        % (config["num_train"], config["seq_length"]),
        "batches of %d" % config["batch_size"],
        "%d epochs" % config["num_epochs"],
        "learning rate %g" % config["lr"],
    ]
    if config["experiment"] == "induction":
        parts.insert(2, "positions: " + config["positional_type"])
    return ", ".join(parts)


_PAPER = """\
The paper's runs have width 128, vocabulary 50, 100000 training sequences of 13
tokens, batches of 256, 10 epochs of 3910 steps in all, learning rates 1e-2 to 1e-4:
this one is smaller, its task and its model's parts are the same."""


def _section(result):
    text = "%s. %d steps; %s." % (
        config_text(result["config"]),
        result["steps"],
        parting_text(result),
    )
    if result["config"]["experiment"] == "induction":
        text += " " + _PAPER
    rows = [_row(metric) for metric in result["metrics"]]
    return ["", "## " + result["configuration"], "", text[0].upper() + text[1:], ""] + (
        markdown_table.lines(_HEAD, rows)
    )


def _floors(results):
    floors = {}
    for result in results:
        for m in result["metrics"]:
            floors[m["metric"]] = (m["floor"], m["why"])
    rows = [[name, "%g" % floor, why] for name, (floor, why) in floors.items()]
    return markdown_table.lines(["metric", "least margin", "why"], rows)


def within_floor(metric):
    """Equivalent with the floor as margin, however scattered the seeds are."""
    return max(map(abs, metric["interval"])) < metric["floor"]


def verdict_text(results):
    metrics = [m for result in results for m in result["metrics"]]
    count = sum(m["verdict"] == "equivalent" for m in metrics)
    text = "%d of %d metrics are equivalent" % (count, len(metrics))
    parts = [text]
    wide = []
    for result in results:
        for m in result["metrics"]:
            name = "%s of %s" % (m["metric"], result["configuration"])
            if m["verdict"] != "equivalent":
                parts.append("%s is %s" % (name, m["verdict"]))
            elif not within_floor(m):
                wide.append(name)
    if wide:
        parts.append("not with the floor alone as margin: " + ", ".join(wide))
    return "; ".join(parts) + "."


def markdown(report):
    context, results = report["context"], report["results"]
    count = len(results)
    how = _HOW % {
        "configurations": "%d configuration%s" % (count, "s" * (count > 1)),
        "divisor": report["margin_divisor"],
        "seeds": max(len(result["seeds"]) for result in results),
        "alpha": report["alpha"],
        "confidence": 100 * (1 - 2 * report["alpha"]),
        "reason": report["margin_reason"],
    }
    lines = ["# Final metrics beside PyTorch's", "", verdict_text(results), "", how]
    lines += _COMMANDS
    for result in results:
        lines += _section(result)
    lines += ["", "## Floors of the margins", ""] + _floors(results)
    lines += ["", "## PyTorch's side against numbers recorded from the reference", ""]
    checks = [[w, "%.1e" % d, "%.0e" % bound] for w, d, bound in report["checks"]]
    lines += markdown_table.lines(["what", "largest deviation", "bound"], checks)
    lines += ["", "## Where and when", ""]
    for versions in context["versions"].values():
        lines += ["- " + version for version in versions]
    lines.append("- %(cpu_model)s, %(cpus)d CPUs, Linux %(kernel)s" % context)
    lines.append("- Page made %(date)s by the script at commit %(commit)s" % context)
    return "\n".join(lines) + "\n"


def _rounded(value):
    """Nine digits are enough; the tables then stay short."""
    if isinstance(value, float):
        return float("%.9g" % value)
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return value


def _lines(value, depth=0):
    """JSON with one line for every list of numbers and innermost object."""
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)) or not any(
        isinstance(v, (dict, list)) for v in inner
    ):
        return json.dumps(value)
    pad, end = " " * (depth + 1), " " * depth
    if isinstance(value, dict):
        body = [json.dumps(k) + ": " + _lines(v, depth + 1) for k, v in value.items()]
        return "{\n" + ",\n".join(pad + b for b in body) + "\n" + end + "}"
    body = [_lines(v, depth + 1) for v in value]
    return "[\n" + ",\n".join(pad + b for b in body) + "\n" + end + "]"


def as_json(report):
    return _lines(_rounded(report)) + "\n"
