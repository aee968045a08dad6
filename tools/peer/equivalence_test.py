#!/usr/bin/env python3
"""equivalence.py: its statistics, what it keeps and makes again, its exit codes.

equivalence_test.py FOLDER_OF_PROGRAMS   where induction/induction is, tried as well
"""

import argparse
import contextlib
import io
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the sources are behind the links
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import equivalence
import equivalence_cases
import equivalence_report
import equivalence_runs
from equivalence_statistics import (
    DIFFERENT,
    EQUIVALENT,
    UNDECIDED,
    compare,
    kolmogorov_smirnov,
    t_cdf,
    t_quantile,
)

BINARIES = os.path.abspath(sys.argv[1])
HAS_TORCH = not subprocess.run(
    ["/usr/bin/python3", "-c", "import torch"], stderr=subprocess.DEVNULL
).returncode


class StudentT(unittest.TestCase):
    def test_tables(self):
        for p, freedom, t in (
            (0.975, 1, 12.7062),
            (0.975, 2, 4.3027),
            (0.95, 3, 2.3534),
            (0.95, 4, 2.1318),
            (0.95, 9, 1.8331),
            (0.90, 30, 1.3104),
            (0.995, 9, 3.2498),
        ):
            self.assertAlmostEqual(t_quantile(p, freedom), t, delta=6e-5)
            self.assertAlmostEqual(t_cdf(-t, freedom), 1 - p, delta=1e-5)

    def test_ends(self):
        self.assertEqual(t_cdf(0.0, 9), 0.5)
        self.assertEqual(t_cdf(math.inf, 9), 1.0)
        self.assertEqual(t_cdf(-math.inf, 8), 0.0)
        self.assertLess(t_quantile(0.05, 9), 0)


def sample(mean, sd, seed=1):
    """Ten numbers with exactly this mean and standard deviation."""
    draw = random.Random(seed)
    numbers = [draw.gauss(0, 1) for _ in range(10)]
    middle, spread = statistics.fmean(numbers), statistics.stdev(numbers)
    return [mean + sd * (x - middle) / spread for x in numbers]


class Tost(unittest.TestCase):
    reference = sample(0.5, 0.1)

    def verdict(self, shift, sd, margin=0.05):
        noise = sample(shift, sd, seed=2)
        ours = [r + d for r, d in zip(self.reference, noise)]
        return compare(ours, self.reference, margin)

    def test_small_differences_pass_and_others_do_not(self):
        # Half an interval is 1.8331 sd / sqrt(10) = 0.58 sd.
        self.assertEqual(self.verdict(0.0, 0.08)["verdict"], EQUIVALENT)
        self.assertEqual(self.verdict(0.02, 0.05)["verdict"], EQUIVALENT)
        self.assertEqual(self.verdict(-0.02, 0.05)["verdict"], EQUIVALENT)
        # No shift, but so much noise that there might be one.
        self.assertEqual(self.verdict(0.0, 0.09)["verdict"], UNDECIDED)
        for sign in (1, -1):
            self.assertEqual(self.verdict(sign * 0.04, 0.05)["verdict"], UNDECIDED)
            self.assertEqual(self.verdict(sign * 0.06, 0.05)["verdict"], UNDECIDED)
            self.assertEqual(self.verdict(sign * 0.09, 0.05)["verdict"], DIFFERENT)

    def test_figures(self):
        figures = self.verdict(0.02, 0.05)
        half = 1.83311 * 0.05 / math.sqrt(10)
        self.assertAlmostEqual(figures["interval"][0], 0.02 - half, places=6)
        self.assertAlmostEqual(figures["interval"][1], 0.02 + half, places=6)
        self.assertAlmostEqual(figures["difference"]["mean"], 0.02)
        self.assertAlmostEqual(figures["difference"]["sd"], 0.05)
        self.assertAlmostEqual(figures["reference"]["sd"], 0.1)
        # P(T > (0.05 - 0.02) sqrt(10) / 0.05) with 9 degrees of freedom.
        self.assertAlmostEqual(figures["p"], 1 - t_cdf(1.897367, 9), places=6)
        self.assertEqual(figures["pairs"], 10)

    def test_without_noise(self):
        self.assertEqual(compare([1, 2], [1, 2], 0.1)["verdict"], EQUIVALENT)
        self.assertEqual(compare([1.5, 2.5], [1, 2], 0.5)["verdict"], UNDECIDED)
        self.assertEqual(compare([2, 3], [1, 2], 0.5)["verdict"], DIFFERENT)
        self.assertEqual(compare([0, 1], [1, 2], 0.5)["verdict"], DIFFERENT)

    def test_errs_as_often_as_it_says(self):
        # At a true difference of one margin it may say "equivalent" in 5 percent.
        draw = random.Random(3)
        said = 0
        for _ in range(2000):
            ours = [draw.gauss(0.05, 0.03) for _ in range(10)]
            said += compare(ours, [0.0] * 10, 0.05)["verdict"] == EQUIVALENT
        self.assertGreater(said / 2000, 0.035)
        self.assertLess(said / 2000, 0.065)

    def test_what_cannot_be_compared(self):
        for ours, reference, margin in (
            ([1.0], [1.0], 0.1),
            ([1.0, 2.0], [1.0, 2.0, 3.0], 0.1),
            ([1.0, math.nan], [1.0, 2.0], 0.1),
            ([1.0, 2.0], [1.0, 2.0], 0.0),
        ):
            with self.assertRaises(ValueError):
                compare(ours, reference, margin)

    def test_ks_distance(self):
        self.assertEqual(kolmogorov_smirnov([1, 2, 3, 4], [1, 2, 3, 4]), 0)
        self.assertEqual(kolmogorov_smirnov([1, 2], [3, 4]), 1)
        self.assertEqual(kolmogorov_smirnov([1, 2, 3, 4], [3, 4, 5, 6]), 0.5)


class Metrics(unittest.TestCase):
    def values(self, name, values):
        config = equivalence_cases.CONFIGURATIONS[name]
        return {
            metric.name: equivalence_cases.value_of(metric, config, values)
            for metric in equivalence_cases.metrics_of(config)
        }

    def test_classification_takes_all_heads(self):
        values = {
            "eval/loss": 1e-3,
            "eval/acc": 0.75,
            "0_0_rel_attn_max": 0.5,
            "0_1_rel_attn_max": 0.25,
            "mixing/0_0/avg_top1_dominance_rate": 1.0,
            "mixing/0_1/avg_top1_dominance_rate": 0.5,
        }
        wanted = {
            "evaluation loss, log10": -3.0,
            "accuracy": 0.75,
            "sparsity score": 0.375,
            "flip rate": 0.75,
        }
        self.assertEqual(self.values("two_heads", values), wanted)

    def test_induction_takes_the_last_layer(self):
        values = {"eval/loss": 0.8, "eval/acc_induction": 0.5}
        for head in range(4):
            for layer in range(2):
                values["%d_%d_rel_attn_bos_global" % (layer, head)] = layer * head
                values["%d_%d_abs_attn_all" % (layer, head)] = layer * 2.0
        wanted = {"evaluation loss": 0.8, "accuracy": 0.5, "sink score": 1.5}
        self.assertEqual(self.values("sink", values), wanted)
        wanted["row sum"] = 2.0
        self.assertEqual(self.values("sigmoid", values), wanted)

    def test_margin(self):
        metric = equivalence_cases.METRICS["induction"][0]
        self.assertEqual(
            equivalence_cases.margin_of(metric, [0.7, 0.7001]), metric.floor
        )
        wide = sample(0.7, 0.1)
        self.assertAlmostEqual(
            equivalence_cases.margin_of(metric, wide), 0.1 / math.sqrt(5)
        )

    def test_parting(self):
        a = [5.0, 4.0, 3.0]
        self.assertIsNone(equivalence.parting_step(a, [5.0, 4.0, 3.0001]))
        self.assertEqual(equivalence.parting_step(a, [5.0, 4.1, 3.0]), 2)

    def test_configurations_name_the_same_fields(self):
        configs = equivalence_cases.CONFIGURATIONS.values()
        self.assertEqual(len(equivalence_cases.DEFAULT), 4)
        for experiment in ("induction", "classification"):
            fields = {frozenset(c) for c in configs if c["experiment"] == experiment}
            self.assertEqual(len(fields), 1)


def fake_values(config, shift):
    """Metrics that differ between seeds by some hundredths."""
    level = 0.5 + 0.03 * math.sin(config["seed"]) + shift
    values = {"eval/loss": level, "eval/acc": level, "eval/acc_induction": level}
    for layer in range(config["num_layers"]):
        for head in range(config["num_heads"]):
            where = "%d_%d" % (layer, head)
            for name in ("rel_attn_bos_global", "abs_attn_all", "rel_attn_max"):
                values["%s_%s" % (where, name)] = level
            values["mixing/%s/avg_top1_dominance_rate" % where] = level
    return values


class Runs(unittest.TestCase):
    """With sides that are made up."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.runs = os.path.join(folder.name, "kept", "runs.jsonl")
        self.made = os.path.join(folder.name, "made")
        self.shift = 0.0
        self.fails = set()
        self.deviation = 1e-9
        self.loss = 1.0
        self.addCleanup(setattr, equivalence_runs, "RUNNERS", equivalence_runs.RUNNERS)
        equivalence_runs.RUNNERS = {
            "polarize": lambda config, _: self.fake("polarize", config, self.shift),
            "pytorch": lambda config, _: self.fake("pytorch", config, 0.0),
        }
        self.addCleanup(
            setattr, equivalence_runs, "run_check", equivalence_runs.run_check
        )
        equivalence_runs.run_check = lambda _: [["made up", self.deviation, 1e-6]]

    def fake(self, side, config, shift):
        with open(self.made, "a") as file:
            file.write("%s %d\n" % (side, config["seed"]))
        if (side, config["seed"]) in self.fails:
            raise equivalence_runs.Failed("it broke")
        metrics = fake_values(config, shift)
        return {"version": "1.0", "metrics": metrics, "losses": [2.0, self.loss]}

    def made_runs(self):
        try:
            with open(self.made) as file:
                return sorted(file.read().splitlines())
        except OSError:
            return []
        finally:
            with contextlib.suppress(OSError):
                os.remove(self.made)

    def run_it(self, *options, seeds="0,1,2", configurations="one_head"):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = equivalence.main(
                [
                    "--seeds=" + seeds,
                    "--configurations=" + configurations,
                    "--runs=" + self.runs,
                    "--out=" + os.path.join(self.folder, "out"),
                    *options,
                ]
            )
        return code, out.getvalue(), err.getvalue()

    def result(self):
        with open(os.path.join(self.folder, "out", "equivalence.json")) as file:
            return json.load(file)

    def test_equal_sides(self):
        code, out, err = self.run_it(configurations="one_head,sink")
        self.assertEqual(code, 0, err)
        with open(os.path.join(self.folder, "out", "equivalence.md")) as file:
            self.assertEqual(file.read(), out)
        self.assertIn("7 of 7 metrics are equivalent", out)
        self.assertIn("## one_head", out)
        results = self.result()["results"]
        self.assertEqual([r["configuration"] for r in results], ["one_head", "sink"])
        self.assertEqual(results[0]["seeds"], [0, 1, 2])
        self.assertEqual(results[0]["steps"], 2)
        names = [m["metric"] for m in results[1]["metrics"]]
        self.assertEqual(names, ["evaluation loss", "accuracy", "sink score"])
        self.assertEqual(self.result()["context"]["versions"]["pytorch"], ["1.0"])

    def test_shifted_side(self):
        self.shift = 0.1
        code, out, _ = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn("0 of 4 metrics are equivalent", out)
        self.assertIn("accuracy of one_head is different", out)

    def test_runs_are_made_once(self):
        self.run_it(seeds="0,1")
        both = ["polarize 0", "polarize 1", "pytorch 0", "pytorch 1"]
        self.assertEqual(self.made_runs(), both)
        code, _, err = self.run_it(seeds="0,1")
        self.assertEqual((code, self.made_runs()), (0, []), err)
        self.run_it(seeds="0,1,2", configurations="one_head")
        self.assertEqual(self.made_runs(), ["polarize 2", "pytorch 2"])
        self.run_it("--report_only", seeds="0,5")
        self.assertEqual(self.made_runs(), [])

    def test_other_configurations_are_other_runs(self):
        self.run_it(seeds="0,1")
        self.made_runs()
        old = equivalence_cases.CONFIGURATIONS["one_head"]
        self.addCleanup(equivalence_cases.CONFIGURATIONS.__setitem__, "one_head", old)
        equivalence_cases.CONFIGURATIONS["one_head"] = {**old, "lr": 0.5}
        self.run_it(seeds="0,1")
        self.assertEqual(len(self.made_runs()), 4)

    def test_torn_line(self):
        self.run_it(seeds="0,1")
        self.made_runs()
        with open(self.runs) as file:
            text = file.read()
        with open(self.runs, "w") as file:
            file.write(text[:-20])  # killed while the last one was written
        code, _, err = self.run_it(seeds="0,1")
        self.assertEqual((code, self.made_runs()), (0, ["pytorch 1"]), err)
        self.run_it(seeds="0,1")
        self.assertEqual(self.made_runs(), [])

    def test_a_failed_run_is_said_and_tried_again(self):
        self.fails = {("pytorch", 1)}
        code, _, err = self.run_it()
        self.assertEqual(code, 2)
        self.assertIn("one_head, seed 1, pytorch: FAILED: it broke", err)
        self.assertEqual(self.result()["results"][0]["seeds"], [0, 2])
        self.made_runs()
        self.fails = set()
        code, _, err = self.run_it()
        self.assertEqual((code, self.made_runs()), (0, ["pytorch 1"]), err)

    def test_several_at_a_time(self):
        code, _, err = self.run_it("--jobs=3", seeds="0,1,2,3")
        self.assertEqual(code, 0, err)
        self.assertEqual(len(self.made_runs()), 8)
        self.assertEqual(self.result()["results"][0]["seeds"], [0, 1, 2, 3])

    def test_pytorch_that_does_not_reproduce_the_reference(self):
        self.deviation = 1e-3
        code, _, err = self.run_it()
        self.assertEqual(code, 2)
        self.assertIn("does not reproduce", err)

    def test_runs_that_diverge_are_no_results(self):
        self.loss = math.nan
        code, _, err = self.run_it()
        self.assertEqual(code, 2)
        self.assertIn("one_head, seed 0, pytorch: FAILED: it diverged", err)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "out")))

    def test_wrong_options(self):
        for option in ("--jobs=0", "--seeds=1", "--seeds=-1,2", "--configurations=x"):
            with self.assertRaises(SystemExit) as raised:
                self.run_it(option)
            self.assertEqual(raised.exception.code, 2, option)


class Report(unittest.TestCase):
    def test_json_reads_back(self):
        value = {
            "a": [1, 2.5, None],
            "b": {"c": [[1.0], {"d": "x"}]},
            "e": True,
            "f": [],
        }
        self.assertEqual(json.loads(equivalence_report.as_json(value)), value)

    def test_verdict_text(self):
        def metric(name, interval, verdict):
            return {
                "metric": name,
                "interval": interval,
                "floor": 0.1,
                "verdict": verdict,
            }

        results = [
            {
                "configuration": "x",
                "metrics": [
                    metric("a", [-0.09, 0.05], "equivalent"),
                    metric("b", [-0.11, 0.05], "equivalent"),
                    metric("c", [0.0, 0.3], "undecided"),
                ],
            }
        ]
        self.assertEqual(
            equivalence_report.verdict_text(results),
            "2 of 3 metrics are equivalent; c of x is undecided; "
            "not with the floor alone as margin: b of x.",
        )

    def test_parting_text(self):
        result = {"parting_steps": [None, 7, 3]}
        text = equivalence_report.parting_text(result)
        self.assertEqual(text, "2 of 3 pairs part (at steps 3 to 7, median 3)")


def tiny(name):
    config = {**equivalence_cases.CONFIGURATIONS[name], "seed": 3}
    config.update(num_train=200, num_eval=100, batch_size=64, num_epochs=2)
    config.update(embed_dim=16)
    return config


class Sides(unittest.TestCase):
    options = argparse.Namespace(
        binaries=BINARIES, python="/usr/bin/python3", goldens="", full_check=False
    )

    def ours(self, name):
        return equivalence_runs.run_polarize(tiny(name), self.options)

    def test_our_program(self):
        for name in equivalence_cases.CONFIGURATIONS:
            run = self.ours(name)
            self.assertTrue(run["version"].startswith("polarize "))
            self.assertEqual(len(run["losses"]), 8)
            for metric in equivalence_cases.metrics_of(tiny(name)):
                value = equivalence_cases.value_of(metric, tiny(name), run["metrics"])
                self.assertTrue(math.isfinite(value), metric.name)

    def test_our_program_says_why_it_fails(self):
        config = {**tiny("one_head"), "num_heads": 3}
        with self.assertRaisesRegex(equivalence_runs.Failed, "num_heads|embed_dim"):
            equivalence_runs.run_polarize(config, self.options)
        options = argparse.Namespace(binaries="/nonexistent")
        with self.assertRaisesRegex(equivalence_runs.Failed, "No such file"):
            equivalence_runs.run_polarize(tiny("one_head"), options)

    def test_python_without_pytorch(self):
        options = argparse.Namespace(**{**vars(self.options), "python": "/bin/false"})
        for call in (
            lambda: equivalence_runs.run_pytorch(tiny("sink"), options),
            lambda: equivalence_runs.run_check(options),
        ):
            with self.assertRaisesRegex(equivalence_runs.Failed, "exit code 1"):
                call()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        runs = os.path.join(folder.name, "runs.jsonl")
        with contextlib.redirect_stderr(io.StringIO()) as err:
            code = equivalence.main(["--python=/bin/false", "--runs=" + runs])
        self.assertEqual(code, 2)
        self.assertIn("tools/bench/peers.sh", err.getvalue())
        self.assertFalse(os.path.exists(runs))

    @unittest.skipUnless(HAS_TORCH, "PyTorch is not there")
    def test_both_sides_agree_on_tiny_runs(self):
        for name in equivalence_cases.CONFIGURATIONS:
            peer = equivalence_runs.run_pytorch(tiny(name), self.options)
            ours = self.ours(name)
            self.assertEqual(len(peer["losses"]), 8)
            for a, b in zip(peer["losses"], ours["losses"]):
                self.assertAlmostEqual(a, b, delta=1e-5 * abs(a))
            for key, value in peer["metrics"].items():
                self.assertAlmostEqual(value, ours["metrics"][key], delta=1e-4, msg=key)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
