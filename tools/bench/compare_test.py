#!/usr/bin/env python3
"""compare.py: its statistics and tables, its talk with sides, a run without peers.

  compare_test.py SIDE STEP VALUE_SOFTMAX   the programs, which are tried as well
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the sources are behind the links
_HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [_HERE, os.path.join(os.path.dirname(_HERE), "peer")]

import compare
import compare_cases
import compare_report
import compare_sides

SIDE, STEP, DESCENTS = (os.path.abspath(path) for path in sys.argv[1:4])
CPUS = {max(os.sched_getaffinity(0))}


def case(**more):
    return compare_cases.Case("kind/a", "products", "linear op=forward", **more)


class Statistics(unittest.TestCase):
    def test_ratios_are_taken_within_pairs(self):
        # A neighbour's load doubles both times of the third pair.
        figures = compare_report.compare([1.0, 2.0, 4.0], [2.0, 3.0, 8.0])
        self.assertEqual(figures["ratio"]["pairs"], [2.0, 1.5, 2.0])
        self.assertEqual(figures["ratio"]["median"], 2.0)
        self.assertEqual(figures["ratio"]["min"], 1.5)
        self.assertEqual(figures["ratio"]["max"], 2.0)
        self.assertEqual(figures["ours_seconds"]["median"], 2.0)
        self.assertEqual(figures["peer_seconds"]["max"], 8.0)

    def test_even_number_of_pairs(self):
        figures = compare_report.compare([1.0, 1.0], [1.0, 2.0])
        self.assertEqual(figures["ratio"]["median"], 1.5)

    def test_rates_and_shares(self):
        machine = {"fma": 8e9, "copy": 4e9}
        flops = compare_report.rate(case(flops=2e9), 0.5, machine)
        self.assertEqual(flops, {"rate": 4e9, "unit": "FLOP/s", "share": 0.5})
        memory = case(elements=1e9, traffic=8e9, roof="copy")
        bytes_ = compare_report.rate(memory, 4.0, machine)
        self.assertEqual(bytes_, {"rate": 2e9, "unit": "B/s", "share": 0.5})
        cache = compare_report.rate(case(elements=1e9), 0.5, machine)
        self.assertEqual(cache, {"rate": 2e9, "unit": "/s", "share": None})
        unknown = compare_report.rate(case(flops=2e9), 0.5, {})
        self.assertIsNone(unknown["share"])

    def test_step_flops_of_the_default_induction_run(self):
        self.assertAlmostEqual(compare_cases.step_flops("induction", 50) / 1e9, 7.6, 1)


class Layout(unittest.TestCase):
    def test_table(self):
        text = compare_report.table(["case", "b"], [["a", "1.00"], ["longer", "2"]])
        self.assertEqual(
            text,
            "| case   |    b |\n"
            "| ------ | ---: |\n"
            "| a      | 1.00 |\n"
            "| longer |    2 |",
        )

    def test_numbers(self):
        self.assertEqual(compare_report.time_text(0.0812), "81.2 ms")
        self.assertEqual(compare_report.time_text(2.5e-8), "25 ns")
        figures = compare_report.compare([1.0, 1.0, 1.0], [1.0, 2.0, 1.5])
        text = compare_report.ratio_text(figures["ratio"])
        self.assertEqual(text, "1.50 (1.00 to 2.00)")

    def test_a_column_for_each_peer_that_ran(self):
        results = [
            (case(flops=2e9), "y", compare_report.compare([1.0], [3.0])),
            (case(flops=2e9), "x", compare_report.compare([1.0], [2.0])),
        ]
        titles = {"x": "Peer X", "z": "Peer Z", "y": "Peer Y"}
        lines = compare_report.group_table(results, titles, {"fma": 4e9}).split("\n")
        cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
        self.assertEqual(
            cells[0], ["case", "polarize", "rate, of the best", "Peer X", "Peer Y"]
        )
        self.assertEqual(
            cells[2],
            [
                "kind/a",
                "1 s",
                "2 GFLOP/s, 50 %",
                "2.00 (2.00 to 2.00)",
                "3.00 (3.00 to 3.00)",
            ],
        )
        self.assertEqual(len(lines), 3)


class Cases(unittest.TestCase):
    def test_names_are_unique_and_groups_known(self):
        cases = compare_cases.all_cases()
        self.assertEqual(len({c.name for c in cases}), len(cases))
        self.assertLessEqual({c.group for c in cases}, set(compare_cases.GROUPS))
        self.assertLess(sum(c.quick for c in cases), 12)

    def test_every_operation_on_model_rows(self):
        names = {c.name for c in compare_cases.all_cases() if not c.costly}
        for op in ("forward", "input_gradient", "weight_gradient"):
            for rows in (44, 128, 352, 2816, 3072, 4096):
                self.assertIn("linear/%s/%dx128x512" % (op, rows), names)


def fake_side(answers):
    """A side that greets and then answers whatever it is asked in this order."""
    code = "print('{}', flush=True)\nfor a in %r: input(); print(a, flush=True)"
    return compare_sides.Side([sys.executable, "-c", code % (answers,)], CPUS)


class Protocol(unittest.TestCase):
    def test_answers(self):
        side = fake_side(["ready", "0.25 0.5", "0.25 0.5", "skip too old"])
        self.addCleanup(side.close)
        side.open("linear")
        self.assertEqual(side.run(3), 0.25)
        side.clock = compare_sides.CPU
        self.assertEqual(side.run(3), 0.5)
        with self.assertRaisesRegex(compare_sides.Skipped, "too old"):
            side.open("step")
        with self.assertRaisesRegex(compare_sides.Broken, "ended early"):
            side.run(1)

    def test_nonsense(self):
        side = fake_side(["what?"])
        self.addCleanup(side.close)
        with self.assertRaisesRegex(compare_sides.Broken, "what?"):
            side.run(1)

    def test_silence(self):
        code = "import time; print('{}', flush=True); time.sleep(60)"
        side = compare_sides.Side([sys.executable, "-c", code], CPUS)
        self.addCleanup(side.close)
        side.patience = 0.01
        with self.assertRaisesRegex(compare_sides.Broken, "no answer"):
            side.run(1)

    def test_our_side_does_every_case(self):
        side = compare_sides.Side([SIDE], CPUS)
        self.addCleanup(side.close)
        descents = compare_sides.Descents(DESCENTS, CPUS)
        self.addCleanup(descents.close)
        for c in compare_cases.all_cases():
            if c.costly:
                continue
            with self.subTest(c.name):
                one = descents if c.group == "descents" else side
                one.open(c.ours or c.spec)
                self.assertGreater(one.run(10000 if one == descents else 1), 0)

    def test_our_side_says_what_it_cannot(self):
        side = compare_sides.Side([SIDE], CPUS)
        self.addCleanup(side.close)
        with self.assertRaisesRegex(compare_sides.Skipped, "no such field"):
            side.open("step experiment=induction model.number_of_heads=3")
        with self.assertRaises(compare_sides.Skipped):
            side.open("dance")

    def test_step_program(self):
        answer = subprocess.run(
            [STEP], input="run 1\n", stdout=subprocess.PIPE, universal_newlines=True
        )
        self.assertEqual(answer.returncode, 0)
        ready, seconds = answer.stdout.split()
        self.assertEqual(ready, "ready")
        self.assertGreater(float(seconds), 0)


class WithoutPeers(unittest.TestCase):
    def setUp(self):
        for name in ("SYSTEM_PYTHON", "VENV_PYTHON", "COMPILER"):
            old = getattr(compare_sides, name)
            self.addCleanup(setattr, compare_sides, name, old)
            setattr(compare_sides, name, "/nonexistent/" + name)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(setattr, compare_sides, "CACHE", compare_sides.CACHE)
        compare_sides.CACHE = folder.name
        self.json = os.path.join(folder.name, "out.json")

    def run_it(self, *options):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = compare.main(["--binary=" + SIDE, *options])
        return code, out.getvalue(), err.getvalue()

    def test_says_what_is_missing_and_measures_ours(self):
        name = "linear/forward/3072x128x512"
        code, out, err = self.run_it(
            "--quick", "--pairs=1", "--only=" + name, "--json=" + self.json
        )
        self.assertEqual(code, 0, err)
        self.assertIn("| " + name, out)
        self.assertIn("the times are ours alone", out)
        for command in ("apt-get install", "libdnnl-dev", "tools/bench/peers.sh"):
            self.assertIn(command, out)
        with open(self.json) as file:
            result = json.load(file)
        self.assertEqual([r["case"] for r in result["results"]], [name])
        self.assertEqual(len(result["results"][0]["ours_seconds"]["pairs"]), 1)
        self.assertGreater(result["machine"]["fma"], 1e9)
        self.assertEqual(list(result["context"]["sides"]), ["polarize"])
        missing = {left["what"] for left in result["left_out"]}
        self.assertIn("JAX", missing)
        self.assertEqual(result["context"]["pairs"], 1)

    def test_time_limit_names_what_is_left_out(self):
        code, out, _ = self.run_it("--only=linear/forward/44", "--seconds=1e-6")
        self.assertEqual(code, 0)
        self.assertIn("the limit of 1e-06 seconds", out)
        self.assertIn("linear/forward/44x128x512", out)

    def test_wrong_options(self):
        for option in ("--pairs=0", "--only=(", "--only=nosuchcase", "--core=100000"):
            with self.assertRaises(SystemExit) as raised:
                self.run_it(option)
            self.assertTrue(raised.exception.code, option)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
