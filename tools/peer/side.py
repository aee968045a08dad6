"""One side of a comparison that is told what to run; see tools/bench/compare.py.

The protocol is that of tools/bench/command_loop.h.
"""

import json
import sys
import time


class Unsupported(Exception):
    """This side has nothing for the case; the text says why."""


_WORDS = {"true": True, "false": False}


def parse(words):
    """KIND KEY=VALUE ... as (kind, {key: value}), numbers as integers."""
    values = {}
    for word in words[1:]:
        key, _, value = word.partition("=")
        values[key] = int(value) if value.isdigit() else _WORDS.get(value, value)
    return words[0], values


def serve(hello, open_case):
    """Obeys standard input until it ends.

    Args:
      hello: name, version and detail of this side.
      open_case: (kind, values) -> a function that runs the case N times, or
        raises Unsupported.
    """
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is not an answer

    def answer(text):
        print(text, file=answers, flush=True)

    answer(json.dumps(hello))
    run = None
    for line in sys.stdin:
        words = line.split()
        if words[0] == "open":
            run = None  # the last case's memory goes first
            try:
                run = open_case(*parse(words[1:]))
                answer("ready")
            except Unsupported as why:
                answer("skip " + (str(why) or "not something that it does"))
        elif words[0] == "run" and run:
            cpu, wall = time.process_time(), time.perf_counter()
            run(int(words[1]))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            answer("%.9f %.9f" % (wall, cpu))
        else:
            sys.exit("cannot obey '%s'" % line.strip())


# The numbers of a step that its case does not set: our defaults, under the names
# of the configuration files.
_MODEL = {
    "embed_dim": 128,
    "num_heads": 4,
    "num_layers": 2,
    "use_mlp": True,
    "use_layernorm": True,
    "attention_type": "softmax",
    "qk_norm": False,
    "attention_gate": False,
}


class Step:
    """What a case of kind `step` asks for."""

    batch_size = 256
    batches = 8  # in memory, visited in turns
    lr = 1e-3

    def __init__(self, values):
        values = dict(values)
        self.experiment = values.pop("experiment")
        self.threads = values.pop("threads", 1)
        induction = self.experiment == "induction"
        self.vocab_size = values.pop("task.vocab_size", 50 if induction else 41)
        self.seq_length = 13 if induction else 11
        self.num_labels = 4
        self.aux_loss_weight = float(values.pop("aux_loss_weight", 0.2))
        self.bfloat16 = values.pop("bfloat16", 0) == 1
        self.optimizer = values.pop("training.optimizer", "adamw")
        self.model = dict(
            _MODEL,
            is_causal=induction,
            positional_type="concat" if induction else "no",
        )
        for name in list(values):
            section, _, field = name.partition(".")
            if section == "model" and field in self.model:
                self.model[field] = values.pop(name)
        if values:
            raise Unsupported("does not know " + ", ".join(values))
        self.tokens = self.vocab_size * (2 if induction else 1)
        self.outputs = self.tokens if induction else self.num_labels
