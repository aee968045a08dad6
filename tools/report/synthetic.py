"""Made-up sweeps for tests of the report: files as `collect` and the sweeps write them.

python3 synthetic.py FOLDER makes them for a look at a page.
"""

import csv
import hashlib
import itertools
import os
import random
import sys

KINDS = [
    "softmax", "uniform", "sigmoid_norm", "sigmoid_unnorm", "linear", "linear_unnorm",
    "coupled_linear_norm", "coupled_linear_unnorm", "raw_dotproduct_norm", "raw_dotproduct_unnorm",
    "mlp_norm", "mlp_unnorm",
]  # fmt: skip

# Text that must not become markup, wherever it stands.
HOSTILE = '<script>document.title="owned"</script><img src="http://outside.invalid/x.png"/>'


def _is_normalised(kind):
    return not kind.endswith("_unnorm")


def _run_id(values):
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def _write_csv(path, rows, index):
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(([""] if index else []) + columns)
        for i, row in enumerate(rows):
            writer.writerow(([i] if index else []) + [row.get(key, "") for key in columns])


def _write_times(path, rows, rng, seconds_of):
    times = [
        {
            "id": row["run_id"],
            "seconds": "%.3f" % (seconds_of(row) * rng.uniform(0.9, 1.1)),
            "start_time": "2026-11-27T0%d:%02d:00Z" % (i % 10, i % 60),
            "cpu": "A Processor",
            "simd_target": "AVX3",
            "commit": "0123456789abcdef0123456789abcdef01234567",
        }
        for i, row in enumerate(rows)
    ]
    _write_csv(path, times, index=False)


def _induction_row(values, rng):
    seed, heads, kind, positions, aux = values
    row = {
        "run_id": _run_id(values),
        "state": "finished",
        "seed": seed,
        "shift_query_token": "True",
        "num_heads": heads,
        "attention_type": kind,
        "positional_type": positions,
        "lr": "0.001",
        "aux_loss_weight": aux,
    }
    if kind == "raw_dotproduct_unnorm" and heads == 8:
        row["state"] = "diverged"
        return row
    row["eval/acc_induction"] = 0.5 if kind == "uniform" else rng.uniform(0.9, 1)
    strength = 0.97 if kind == "softmax" else 0.8 if _is_normalised(kind) else 0.4
    for head in range(heads):
        row["1_%d_rel_attn_bos_global" % head] = min(1, rng.gauss(strength, 0.08))
    return row


def _classification_row(values, rng):
    seed, vocabulary, layers, heads, mlp, norm, kind, lr = values
    row = {
        "run_id": _run_id(values),
        "state": "finished",
        "seed": seed,
        "vocab_size": vocabulary,
        "num_layers": layers,
        "num_heads": heads,
        "use_mlp": mlp,
        "use_layernorm": norm,
        "attention_type": kind,
        "lr": lr,
        "eval/acc": 1,
    }
    sparse = 0.9 if kind == "softmax" else 0.6 if _is_normalised(kind) else 0.3
    flip = sparse / (heads * layers)
    for layer, head in itertools.product(range(layers), range(heads)):
        row["%d_%d_rel_attn_max" % (layer, head)] = min(1, rng.gauss(sparse, 0.05))
        row["mixing/%d_%d/avg_top1_dominance_rate" % (layer, head)] = min(
            1, max(0, rng.gauss(flip, 0.1))
        )
    return row


def _write_list(folder, rows, columns):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "runs.tsv"), "w") as file:
        for row in rows:
            values = " ".join("some.path.%s=%s" % (c, row[c]) for c in columns)
            file.write("%s\t%s\n" % (row["run_id"], values))
    with open(os.path.join(folder, "numerics.textproto"), "w") as file:
        file.write('fingerprint: "1f2e3d4c"\n')


def _picture(name):
    """Ids and references as gnuplot has them, the same in every picture."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<svg viewBox="0 0 312 172" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">\n<title>Gnuplot</title>\n'
        "<rect x='0' y='0' width='312' height='172' fill='#ffffff'/>\n"
        "<defs><pattern id='gpPat1' patternUnits='userSpaceOnUse' width='8' height='8'>"
        "<path d='M0,0 L8,8' stroke='black'/></pattern>"
        "<circle id='gpDot' r='3' fill='#5770db'/></defs>\n"
        "<rect x='40' y='60' width='60' height='80' fill='url(#gpPat1)' stroke='black'/>\n"
        "<use xlink:href='#gpDot' x='150' y='90'/>\n"
        "<g font-size='12'><text x='156' y='20' text-anchor='middle'>%s</text></g>\n</svg>\n"
        % name
    )


_CLAIMS = {
    "logistic": ["3.2(a) u keeps its order", "3.3(c) Gamma grows like ln t"],
    "tied": ["tied: the column that s settles on grows"],
}


def write(folder, hostile=False):
    """Makes all inputs of a report below `folder`."""
    rng = random.Random(1)
    os.makedirs(os.path.join(folder, "figures"), exist_ok=True)

    induction = [
        _induction_row(values, rng)
        for values in itertools.product([0, 1, 2], [1, 2, 4, 8], KINDS, ["add", "no"], ["0.2"])
    ]
    ran = [row for row in induction if row["positional_type"] == "add" or row["seed"] == 0]
    _write_list(
        os.path.join(folder, "induction"),
        induction,
        ["seed", "num_heads", "attention_type", "positional_type"],
    )
    classification = [
        _classification_row(values, rng)
        for values in itertools.product(
            [0, 1], [41], [1, 2], [1, 2, 4], ["False", "True"], ["False", "True"], KINDS, ["0.001"]
        )
    ]
    if hostile:
        for row in ran[:20] + classification[:20]:
            row["run_id"] = HOSTILE
            row["seed"] = HOSTILE
        ran[0]["attention_type"] = HOSTILE
    _write_csv(os.path.join(folder, "induction_data.csv"), ran, index=False)
    _write_csv(os.path.join(folder, "classification_data.csv"), classification, index=True)
    _write_times(os.path.join(folder, "induction_times.csv"), ran, rng, lambda row: 150)
    _write_times(
        os.path.join(folder, "classification_times.csv"),
        classification,
        rng,
        lambda row: 0.3 * row["num_layers"],
    )

    names = [
        "sink_proportions_aux0.2_shift_add", "accuracy_aux0.2_shift_add",
        "fliprate_vocab41_nomlp_noln", "fliprate_vocab41_mlp_ln", "kl",
    ]  # fmt: skip
    for name in names:
        text = _picture(name)
        if hostile:
            text = text.replace("</svg>", HOSTILE + "<style>@import 'http://outside.invalid/';</style></svg>")
        with open(os.path.join(folder, "figures", name + ".svg"), "w") as file:
            file.write(text)
    for family, claims in _CLAIMS.items():
        path = os.path.join(folder, "value_softmax", family)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "claims.jsonl"), "w") as file:
            for claim in claims:
                file.write(
                    '{"run":"flow","claim":"%s","predicted":"%s","measured":"yes","verdict":"holds"}\n'
                    % (claim, HOSTILE.replace('"', '\\"') if hostile else "always")
                )


if __name__ == "__main__":
    write(sys.argv[1], hostile="--hostile" in sys.argv)
