"""Figures of a comparison: medians of ratios, Markdown tables, JSON."""

import statistics

import compare_cases
import markdown_table


def spread(values):
    """Median, smallest and largest."""
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }


def compare(ours, peers):
    """What pairs of times say: ratios within each pair, so that what disturbed
    both alike cancels. Above 1 ours is faster."""
    ratios = [peer / our for our, peer in zip(ours, peers)]
    return {
        "ours_seconds": dict(spread(ours), pairs=ours),
        "peer_seconds": dict(spread(peers), pairs=peers),
        "ratio": dict(spread(ratios), pairs=ratios),
    }


def time_text(seconds):
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return "%.3g %s" % (seconds / scale, unit)
    return "%.3g ns" % (seconds / 1e-9)


def ratio_text(ratio):
    return "%.2f (%.2f to %.2f)" % (ratio["median"], ratio["min"], ratio["max"])


def rate(case, seconds, machine):
    """How much a case does a second and its share of what the machine can do.

    Returns:
      A dictionary: rate, unit, share (or None).
    """
    if case.flops:
        roof, amount, unit = machine.get(case.roof or "fma"), case.flops, "FLOP/s"
    elif case.traffic:
        roof, amount, unit = machine.get(case.roof), case.traffic, "B/s"
    else:
        # Numbers, or steps of section 3.
        roof, amount, unit = None, case.elements or 1.0, "/s"
    value = amount / seconds
    return {"rate": value, "unit": unit, "share": value / roof if roof else None}


def rate_text(figures):
    scale, prefix = (1e9, "G") if figures["rate"] >= 1e8 else (1e6, "M")
    text = "%.3g %s%s" % (figures["rate"] / scale, prefix, figures["unit"])
    if figures["share"] is not None:
        text += ", %.0f %%" % (100 * figures["share"])
    return text


def table(head, rows):
    """A Markdown table."""
    return "\n".join(markdown_table.lines(head, rows))


def group_table(results, titles, machine):
    """The table of one group.

    Args:
      results: (case, peer key, figures of compare()); figures have no "ratio"
        where only ours ran.
      titles: peer key -> head of its column.
      machine: the machine's figures.
    """
    cases, keys, cells, times = [], [], {}, {}
    for case, key, figures in results:
        if case not in cases:
            cases.append(case)
        if key not in keys:
            keys.append(key)
        times.setdefault(case, []).extend(figures["ours_seconds"]["pairs"])
        if "ratio" in figures:
            cells[case, key] = ratio_text(figures["ratio"])
    keys = [key for key in titles if key in keys]
    rows = []
    for case in cases:
        seconds = statistics.median(times[case])
        row = [case.name, time_text(seconds)]
        row.append(rate_text(rate(case, seconds, machine)))
        rows.append(row + [cells.get((case, key), "") for key in keys])
    head = ["case", "polarize", "rate, of the best"] + [titles[key] for key in keys]
    return table(head, rows)


_MACHINE = (
    ("fma", "float32 multiply-adds in registers", "FLOP/s"),
    ("bfloat16", "bfloat16 dot products in registers", "FLOP/s"),
    ("read", "memory, reading", "B/s"),
    ("copy", "memory, copying (read and written)", "B/s"),
    ("triad", "memory, two arrays into a third", "B/s"),
)


def machine_table(machine):
    rows = [
        [title, "%.1f G%s" % (machine[key] / 1e9, unit)]
        for key, title, unit in _MACHINE
        if machine.get(key)
    ]
    return table(["one core at best", "measured"], rows)


def context_lines(context):
    sides = []
    for key, side in context["sides"].items():
        words = (side["name"], side["version"], side["detail"])
        sides.append("- %s: %s" % (key, " ".join(word for word in words if word)))
    return [
        "%s, %d CPUs, pinned to CPU %s; Linux %s; load average %.2f before, %.2f after."
        % (
            context["cpu_model"],
            context["cpus"],
            context["core"],
            context["kernel"],
            context["load_average"][0],
            context["load_average_after"][0],
        ),
        "",
        "Governor: %s. Clock: %s. Measured %s at commit %s%s."
        % (
            context["governor"],
            context["clock"],
            context["date"],
            context["commit"][:12],
            " with changes" if context["modified"] else "",
        ),
        "",
    ] + sides


_NOTE = """A ratio is the peer's time over ours in the same pair of runs: above 1 ours is
faster. Median of the pairs, smallest and largest in parentheses.

- Steps: forward, backward and AdamW on one batch. The rate counts the operations
  of a plain implementation; who leaves some out can exceed 100 %.
- Products: rows x inner x outer. Ours packs weights every time, XNNPACK's are
  packed beforehand. No bias.
- Rows: n numbers each, 32768 in all in cache, 16777216 in memory. JAX makes new
  arrays for results, the others reuse theirs.
- Steps of section 3: always by CPU time; NumPy's are the reference's.
- Sigmoid: n numbers a call. The gradient is from y on every side."""


def markdown(context, machine, results, skipped, titles):
    """All of it as text."""
    parts = ["# Speed", "\n".join(context_lines(context)), _NOTE]
    if machine:
        parts += ["## The machine", machine_table(machine)]
    for group, title in compare_cases.GROUPS.items():
        own = [r for r in results if r[0].group == group]
        if own:
            parts += ["## " + title, group_table(own, titles, machine)]
    if not any("ratio" in r[2] for r in results):
        parts.append("Nothing to compare with was run: the times are ours alone.")
    if skipped:
        parts.append("## Left out")
        parts.append("\n".join("- %s: %s" % item for item in skipped))
    parts.append("%.0f seconds in all." % context["seconds"])
    return "\n\n".join(parts)


def as_json(context, machine, results, skipped):
    return {
        "context": context,
        "machine": machine,
        "results": [
            dict(
                figures,
                case=case.name,
                group=case.group,
                spec=case.spec,
                peer=key,
                ours_rate=rate(case, figures["ours_seconds"]["median"], machine),
            )
            for case, key, figures in results
        ],
        "left_out": [{"what": what, "why": why} for what, why in skipped],
    }
