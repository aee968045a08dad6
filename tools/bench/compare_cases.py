"""What compare.py compares: every case with its work, by which it is judged.

A case's text is what every side is told to open (see command_loop.h): products
and rows with their sizes, steps with the settings that differ from the default
configuration.
"""

import dataclasses
import itertools

from attention_types import ATTENTION_TYPES

# What turns a step of ours to bfloat16.
BFLOAT16_SETTING = "model.precision=BF16"

CACHE_NUMBERS = 1 << 15  # 128 KiB an array: with two others within L2
MEMORY_NUMBERS = 1 << 24  # 64 MiB an array: beyond what one core has of L3

GROUPS = {
    "steps": "Training steps",
    "threads": "Two threads against one",
    "products": "Matrix products",
    "softmax": "Softmax rows",
    "sigmoid": "Sigmoid",
    "kinds": "Induction steps of every attention kind",
    "options": "Steps with QK norm and an attention gate",
    "optimizers": "Induction steps of every optimizer",
    "descents": "Steps of section 3",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing that every side does.

    Attributes:
      name: unique, what --only matches.
      group: a key of GROUPS, the table that it is a row of.
      spec: what the peers are told to open.
      ours: what our side is told, if that differs.
      flops: floating-point operations of a plain implementation, or 0.
      elements: numbers that come out, or 0.
      traffic: bytes read and written, if memory is the limit, else 0.
      roof: which of the machine's figures limits `traffic`, or `flops` if that
        is not float32's.
      quick: part of --quick.
      costly: part of --all alone.
      without: peers that only --all asks, since they take long to get ready.
    """

    name: str
    group: str
    spec: str
    ours: str = ""
    flops: float = 0.0
    elements: float = 0.0
    traffic: float = 0.0
    roof: str = ""
    quick: bool = False
    costly: bool = False
    without: tuple = ()


_GATE = "model.attention_gate=true"


def step_flops(
    experiment, vocab_size, layers=2, mlp=True, gate=False, batch=256, width=128
):
    """A step's dense operations: forward once, backward twice as much.

    Every position goes through everything, as in tools/peer/model.py; whoever
    leaves out what has no influence does fewer.
    """
    positions = 12 if experiment == "induction" else 11
    outputs = 2 * vocab_size if experiment == "induction" else 4
    block = (4 + 8 * mlp + gate) * width**2 + 2 * positions * width
    multiply_adds = batch * positions * (layers * block + width * outputs)
    return 3 * 2 * multiply_adds


def _induction(name, group="steps", settings="", **more):
    return Case(
        "step/induction" + name,
        group,
        ("step experiment=induction " + settings).strip(),
        flops=step_flops("induction", 50, gate=_GATE in settings),
        **more,
    )


def _classification(
    name, vocab_size, layers=2, mlp=True, group="steps", settings="", **more
):
    spec = "step experiment=classification task.vocab_size=%d" % vocab_size
    spec = (spec + " " + settings).strip()
    if layers != 2:
        spec += " model.num_layers=%d" % layers
    return Case(
        "step/classification" + name,
        group,
        spec,
        flops=step_flops(
            "classification", vocab_size, layers, mlp, _GATE in settings
        ),
        **more,
    )


def step_cases():
    yield _induction("", quick=True)
    compiled = ("torch-compile",)
    aux0 = "aux_loss_weight=0"
    yield _induction("/aux0", settings=aux0, quick=True, without=compiled)
    bfloat16 = _induction("/bfloat16", settings="bfloat16=1", roof="bfloat16")
    ours = "step experiment=induction " + BFLOAT16_SETTING
    yield dataclasses.replace(bfloat16, ours=ours)
    # What the option gains over the others' usual step.
    float32 = _induction("/bfloat16-against-float32", without=compiled)
    yield dataclasses.replace(float32, ours=ours, roof="bfloat16")
    yield _classification("", 41, quick=True)
    yield _classification("/vocab161", 161, without=compiled)
    yield _classification("/vocab161-1layer", 161, layers=1, without=compiled)


def thread_cases():
    two = _induction("/two-threads", "threads")
    yield dataclasses.replace(two, ours=two.spec + " threads=2")


def kind_cases():
    for kind in ATTENTION_TYPES[1:]:
        yield _induction(
            "/" + kind,
            "kinds",
            "model.attention_type=" + kind,
            without=("jax", "torch-compile"),
        )


_OPTIONS = {
    "qk-norm": "model.qk_norm=true",
    "gate": _GATE,
    "qk-norm-gate": "model.qk_norm=true " + _GATE,
}


def option_cases():
    for name, settings in _OPTIONS.items():
        yield _induction(
            "/" + name, "options", settings, without=("torch-compile",)
        )
    yield _classification(
        "/vocab161-qk-norm-gate",
        161,
        group="options",
        settings=_OPTIONS["qk-norm-gate"],
        without=("torch-compile",),
    )


def optimizer_cases():
    for optimizer in ("adam", "sgd", "momentum", "sign"):
        yield _induction(
            "/" + optimizer,
            "optimizers",
            "training.optimizer=" + optimizer,
            without=("jax", "torch-compile"),
        )


# (inner, outer): projections, a fused one of q, k and v, the MLP's two; then
# other widths, at one number of rows.
_MODEL_SIZES = ((128, 128), (128, 384), (128, 512), (512, 128))
_OTHER_SIZES = ((64, 64), (64, 256), (256, 64), (256, 256), (384, 128))
_WIDTHS = (64, 128, 256, 384, 512)
_ROWS = (44, 128, 352, 2816, 3072, 4096)
_DEFAULT_ROWS = 3072
_OPERATIONS = ("forward", "input_gradient", "weight_gradient")


def product_cases():
    common = [(rows, size) for rows in _ROWS for size in _MODEL_SIZES]
    common += [(_DEFAULT_ROWS, size) for size in _OTHER_SIZES]
    every = list(itertools.product(_ROWS, itertools.product(_WIDTHS, _WIDTHS)))
    for rows, (inner, outer) in common + [c for c in every if c not in common]:
        for op in _OPERATIONS:
            yield Case(
                "linear/%s/%dx%dx%d" % (op, rows, inner, outer),
                "products",
                "linear op=%s rows=%d inner=%d outer=%d" % (op, rows, inner, outer),
                flops=2.0 * rows * inner * outer,
                quick=rows == _DEFAULT_ROWS and (inner, outer) == (128, 512),
                costly=(rows, (inner, outer)) not in common,
            )


def _rows_case(kind, op, n, numbers, rows):
    where = "memory" if numbers == MEMORY_NUMBERS else "cache"
    arrays = 2 if op == "forward" else 3
    return Case(
        "%s/%s/n=%d/%s" % (kind, op, n, where),
        kind,
        "%s op=%s rows=%d n=%d" % (kind, op, rows, n),
        elements=rows * n,
        traffic=4.0 * arrays * rows * n if where == "memory" else 0.0,
        roof="copy" if op == "forward" else "triad",
        quick=where == "cache" and n == (128 if kind == "softmax" else CACHE_NUMBERS),
    )


def softmax_cases():
    for numbers in (CACHE_NUMBERS, MEMORY_NUMBERS):
        for op in ("forward", "gradient"):
            for n in (12, 64, 128, 1024, 4096, 32768):
                yield _rows_case("softmax", op, n, numbers, numbers // n)


def sigmoid_cases():
    """Elementwise, so n numbers a call: short ones show what a call costs."""
    for op in ("forward", "gradient"):
        for n in (12, 64, 128, 1024, 4096, CACHE_NUMBERS, MEMORY_NUMBERS):
            yield _rows_case("sigmoid", op, n, n, 1)


# Those of value_softmax_vs_numpy.py.
DESCENTS = (
    "logistic",
    "normalisations_square/softmax",
    "normalisations_logistic/softmax",
    "tied/10",
    "tied/20",
    "tied/50",
    "tied/100",
    "condition_numbers/1",
    "kl",
)


def descent_cases():
    for name in DESCENTS:
        quick = name == "logistic"
        yield Case("descent/" + name, "descents", "descent case=" + name, quick=quick)


def all_cases():
    """Every case, the more important first: time may run out."""
    return list(
        itertools.chain(
            step_cases(),
            thread_cases(),
            descent_cases(),
            product_cases(),
            softmax_cases(),
            sigmoid_cases(),
            kind_cases(),
            option_cases(),
            optimizer_cases(),
        )
    )
