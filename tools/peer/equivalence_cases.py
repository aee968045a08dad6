"""What equivalence.py trains and compares, and how close has to be close enough."""

import collections
import math
import statistics

_MODEL = {
    "embed_dim": 128,
    "num_heads": 4,
    "num_layers": 2,
    "mlp_ratio": 4.0,
    "use_mlp": True,
    "use_layernorm": True,
    "attention_type": "softmax",
    "lr": 1e-3,
    "num_eval": 1000,
}
_INDUCTION = {
    **_MODEL,
    "experiment": "induction",
    "is_causal": True,
    "positional_type": "concat",
    "vocab_size": 50,
    "seq_length": 13,
    "shift_query_token": True,
    "aux_loss_weight": 0.2,
    "num_train": 32000,
    "batch_size": 64,
    "num_epochs": 3,
}
# Solved within some hundred steps, which then go on.
_SMALL_INDUCTION = {
    **_INDUCTION,
    "embed_dim": 64,
    "vocab_size": 20,
    "seq_length": 9,
    "lr": 3e-3,
    "num_train": 25600,
    "num_epochs": 2,
}
_CLASSIFICATION = {
    **_MODEL,
    "experiment": "classification",
    "is_causal": False,
    "positional_type": "no",
    "num_train": 10000,
    "vocab_size": 41,
    "seq_length": 11,
    "num_labels": 4,
    "batch_size": 256,
    "num_epochs": 10,
}

# Classification: two runs of the paper's sweep. Induction: the paper's task and
# model, smaller. Chosen from our own runs, so that final metrics differ between
# seeds, that in `sink` runs which differ in rounding part long before they end, and
# that ten seeds of all take about ten minutes of processor time.
CONFIGURATIONS = {
    "one_head": {
        **_CLASSIFICATION,
        "vocab_size": 161,
        "num_layers": 1,
        "num_heads": 1,
        "use_mlp": False,
        "use_layernorm": False,
    },
    "two_heads": {
        **_CLASSIFICATION,
        "vocab_size": 81,
        "num_layers": 1,
        "num_heads": 2,
        "use_mlp": False,
        "lr": 1e-2,
    },
    "sink": {**_SMALL_INDUCTION, "positional_type": "add"},
    "sigmoid": {**_SMALL_INDUCTION, "attention_type": "sigmoid_unnorm"},
}
DEFAULT = list(CONFIGURATIONS)
# Only when named: the paper's sizes of task and model, half an hour for ten seeds.
CONFIGURATIONS.update(
    sink_wide={**_INDUCTION, "positional_type": "add"},
    sigmoid_wide={**_INDUCTION, "attention_type": "sigmoid_unnorm"},
)

# A number of a run, compared over seeds: the mean over heads of its metrics whose
# keys end in `key`, of the last layer's heads alone with `last_layer`. `floor` is
# the least margin, in the metric's unit, and `why` its reason.
Metric = collections.namedtuple("Metric", "name key last_layer log10 floor why")

# A margin is the reference's standard deviation between seeds divided by this,
# but no less than the metric's floor. Runs that have parted end as far from each
# other as two seeds do, which ten pairs can only show to be equal within 0.8 of a
# standard deviation; the floors are what such a pair of our own, one program on two
# instruction sets, moves by.
MARGIN_DIVISOR = math.sqrt(5)
MARGIN_REASON = (
    "the standard error of a\nmean over the paper's five seeds, below which its "
    "figures cannot show a shift"
)

_ACCURACY = (False, False, 0.01, "10 of 1000 samples")
_ROW_SUM = (False, 0.05, "a twentieth of a normalised row")
METRICS = {
    "induction": (
        Metric("evaluation loss", "eval/loss", False, False, 0.02,
               "one spike at the end: rounding alone moves it by 0.016"),
        Metric("accuracy", "eval/acc_induction", *_ACCURACY),
        Metric("sink score", "rel_attn_bos_global", True, False, 0.05,
               "a twentieth of its range; epochs of one run differ by more"),
        Metric("row sum", "abs_attn_all", True, *_ROW_SUM),
    ),
    "classification": (
        Metric("evaluation loss, log10", "eval/loss", False, True, 0.05,
               "an eighth of the loss, which is near its floor of 0"),
        Metric("accuracy", "eval/acc", *_ACCURACY),
        Metric("sparsity score", "rel_attn_max", False, False, 0.02,
               "a fiftieth of its range"),
        Metric("flip rate", "avg_top1_dominance_rate", False, False, 0.02,
               "10 of 500 pairs"),
    ),
}  # fmt: skip


def metrics_of(config):
    """What is compared; normalised rows always sum to 1."""
    metrics = METRICS[config["experiment"]]
    normalised = not config["attention_type"].endswith("_unnorm")
    return [m for m in metrics if not (m.name == "row sum" and normalised)]


def value_of(metric, config, values):
    """One number out of a run's metrics, which the reference's keys name."""
    if metric.key.startswith("eval/"):
        value = values[metric.key]
        return math.log10(value) if metric.log10 else value
    last = config["num_layers"] - 1
    layers = [last] if metric.last_layer else range(last + 1)
    keys = []
    for layer in layers:
        for head in range(config["num_heads"]):
            where = "%d_%d" % (layer, head)
            flip = metric.key == "avg_top1_dominance_rate"
            form = "mixing/%s/%s" if flip else "%s_%s"
            keys.append(form % (where, metric.key))
    # Equal counts of pairs are equal rates, in whichever order they were added.
    return round(sum(values[key] for key in keys) / len(keys), 12)


def margin_of(metric, reference):
    """The margin, from the reference's results over the seeds."""
    return max(metric.floor, statistics.stdev(reference) / MARGIN_DIVISOR)
