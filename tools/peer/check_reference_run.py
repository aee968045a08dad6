#!/usr/bin/env python3
"""Shows that reference_run.py reproduces what was recorded from the reference.

  /usr/bin/python3 tools/peer/check_reference_run.py [--full] [--json]

Five steps of both experiments with several attention kinds. --full adds a whole
classification run and an epoch of induction with all its metrics, two minutes. The
exit code is 1 if a deviation exceeds its bound.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True  # these are sources

import reference_run

# Of losses relatively, and of metrics after a whole epoch or run absolutely.
FIVE_STEPS = 2e-6
WHOLE = 1e-4


class Checks:
    """Each: what, the largest deviation from the recording, its bound."""

    def __init__(self, goldens):
        self.goldens = goldens

    def read(self, name):
        with open(os.path.join(self.goldens, name + ".json")) as file:
            return json.load(file)

    def five_steps(self, experiment, key, **fields):
        golden = self.read("five_steps_%s_seed0" % experiment)
        config = {**golden["config"], **fields, "experiment": experiment}
        expected = golden["losses"][key]
        _, losses, _ = reference_run.train(config, len(expected))
        worst = max(abs(a - e) for a, e in zip(losses, expected)) / max(expected)
        return "five losses, %s %s" % (experiment, key), worst, FIVE_STEPS

    def classification(self, attention, on):
        key = "%s/mlp=%d/ln=%d" % (attention, on, on)
        fields = {"attention_type": attention, "use_mlp": on, "use_layernorm": on}
        return self.five_steps("classification", key, **fields)

    def induction(self, attention, positional):
        key = "%s/%s" % (attention, positional)
        fields = {"attention_type": attention, "positional_type": positional}
        return self.five_steps("induction", key, **fields)

    def whole(self, experiment, name, epochs):
        golden = self.read(name)
        config = {**golden["config"], "experiment": experiment, "num_epochs": epochs}
        metrics, _ = reference_run.run(config)
        last = golden["epochs"][epochs - 1]
        expected = {**last, **last.get("metrics", golden.get("metrics", {}))}
        for head, values in golden.get("mixing", {}).items():
            for key, value in values.items():
                expected["mixing/%s/%s" % (head, key)] = value
        keys = sorted(set(metrics) & set(expected))
        worst = max(abs(metrics[key] - expected[key]) for key in keys)
        what = "%d metrics of %s, epoch %d" % (len(keys), name, epochs)
        return what, worst, WHOLE

    def run(self, full):
        yield self.classification("softmax", False)
        yield self.classification("softmax", True)
        yield self.induction("softmax", "add")
        yield self.induction("sigmoid_unnorm", "concat")
        if full:
            name = "full_classification_1l1h_nomlp_noln_seed0"
            yield self.whole("classification", name, 10)
            yield self.whole("induction", "full_induction_softmax_add_h4_seed0", 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = os.path.dirname(os.path.realpath(__file__)) + "/../../tests/goldens"
    parser.add_argument("--goldens", default=root, help="folder of the JSON files")
    parser.add_argument("--full", action="store_true", help="whole runs as well")
    parser.add_argument("--json", action="store_true", help="judge nothing, print all")
    args = parser.parse_args()
    checks = Checks(args.goldens).run(args.full)
    if args.json:
        print(json.dumps(list(checks)))
        return 0
    bad = 0
    for what, deviation, bound in checks:
        good = deviation <= bound  # false for NaN
        bad += not good
        word = "ok" if good else "FAIL"
        print("%-4s %-72s %.1e (bound %.0e)" % (word, what, deviation, bound))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
