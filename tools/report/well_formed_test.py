#!/usr/bin/env python3
"""Pages of the real program, parsed strictly: with everything, with nothing, with hostile data."""

import os
import subprocess
import sys
import tempfile
import unittest

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _HERE)
import page_check  # noqa: E402
import synthetic  # noqa: E402

_PROGRAM = os.path.join(_HERE, "report")


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_report(self, *arguments):
        out = os.path.join(self.folder, "page.html")
        result = subprocess.run(
            [_PROGRAM, "--sweeps=" + self.folder, "--out=" + out, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout.endswith("report  %s\n" % out), result.stdout)
        with open(out, encoding="utf-8") as file:
            return result.stdout, file.read()

    def test_of_nothing(self):
        output, page = self.run_report()
        self.assertEqual(page_check.problems(page), [])
        self.assertEqual(page_check.facts(page)["polarize-claims"], "16")
        self.assertEqual(set(page_check.verdicts(page).values()), {"not run"})
        self.assertIn("16 claims: 0 reproduced, 0 differ, 16 not run", output)

    def test_of_sweeps(self):
        synthetic.write(self.folder)
        output, page = self.run_report()
        self.assertEqual(page_check.problems(page), [])
        verdicts = page_check.verdicts(page)
        self.assertEqual(len(verdicts), 16)
        for claim in ("softmax-sinks", "sparsity", "flips", "flips-fade", "order", "tied"):
            self.assertEqual(verdicts[claim], "reproduced", claim)
        for claim in ("pretrained", "kl", "auxiliary-loss"):
            self.assertEqual(verdicts[claim], "not run", claim)
        counted = page_check.facts(page)["polarize-verdicts"]
        self.assertIn("16 claims: " + counted, output)
        # Five pictures with the same ids, and ranges: the ids differ (problems()).
        self.assertEqual(page.count("-gpPat1\" patternUnits"), 5)
        self.assertLess(len(page), 1 << 20)

    def test_of_hostile_sweeps(self):
        synthetic.write(self.folder, hostile=True)
        _, page = self.run_report()
        self.assertEqual(page_check.problems(page), [])
        self.assertIn("&lt;script&gt;document.title", page)

    def test_of_a_changed_verdict(self):
        synthetic.write(self.folder)
        path = os.path.join(self.folder, "value_softmax", "tied", "claims.jsonl")
        with open(path) as file:
            text = file.read().replace('"holds"', '"fails"')
        with open(path, "w") as file:
            file.write(text)
        _, page = self.run_report()
        self.assertEqual(page_check.verdicts(page)["tied"], "differs")

    def test_of_unknown_arguments(self):
        for argument in ("--sweps=a", "a"):
            result = subprocess.run([_PROGRAM, argument], capture_output=True, timeout=60)
            self.assertEqual(result.returncode, 1, argument)


class Problems(unittest.TestCase):
    """The check itself sees what it should."""

    def test_bad_pages(self):
        start = '<html xmlns="http://www.w3.org/1999/xhtml"><body>%s</body></html>'
        self.assertEqual(page_check.problems(start % '<p id="a">x</p><a href="#a">y</a>'), [])
        for body in (
            "<p>", "<p/>", "<b><i></b></i>", "a & b", "<script>1</script>", '<img src="x"/>',
            '<a href="http://x/">x</a>', '<p onclick="x">x</p>', '<a href="#b">x</a>',
            '<p id="a">x</p><p id="a">x</p>', "<style>@import 'x';</style>",
            '<p style="background:url(x)">x</p>', '<link rel="stylesheet" href="x.css"/>',
        ):  # fmt: skip
            self.assertNotEqual(page_check.problems(start % body), [], body)


if __name__ == "__main__":
    unittest.main(verbosity=2)
