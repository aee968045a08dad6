#!/usr/bin/env python3
"""Holds the tree to layering.py, and layering.py to planted violations.

The tree is found behind this file: Bazel gives a test symbolic links, which
lead to the sources. Listing them as `data` instead would need a filegroup in
every package, and a package that forgot it would escape the test. The price is
that Bazel does not see what is read: the test is tagged `external` (run every
time) and `local` (outside the sandbox).
"""

import os
import sys
import unittest

sys.dont_write_bytecode = True  # the sources are behind the links

import layering

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


class Planted(unittest.TestCase):
    def expect_bad(self, path, text):
        self.assertEqual(len(layering.check_file(path, text)), 1, (path, text))

    def expect_good(self, path, text):
        self.assertEqual(layering.check_file(path, text), [])

    def test_folders_include_downwards_only(self):
        for path, header in [
            ("kernels/base/arena.h", "kernels/math/math.h"),
            ("kernels/base/random/a.cc", "kernels/softmax/softmax.h"),
            ("kernels/math/math.cc", "kernels/softmax/softmax.h"),
            ("kernels/math/math_test.cc", "kernels/softmax/softmax.h"),
            ("kernels/softmax/softmax.cc", "kernels/attention/attention.h"),
            ("kernels/rows/rows.cc", "kernels/embedding/embedding.h"),
            ("kernels/softmax/softmax.cc", "experiments/model/transformer.h"),
            ("kernels/softmax/softmax_test.cc", "experiments/run/flags.h"),
            ("kernels/softmax/softmax.cc", "protos/induction.pb.h"),
            ("kernels/softmax/softmax.cc", "tools/config_header.h"),
            ("experiments/run/flags.cc", "experiments/model/transformer.h"),
            ("experiments/model/init.cc", "experiments/induction/data.h"),
            ("experiments/induction/data.cc", "experiments/sweep/list.h"),
            ("experiments/induction/data.cc", "experiments/classification/data.h"),
            ("experiments/induction/data.cc", "tools/config_header.h"),
            ("protos/helper.h", "kernels/base/arena.h"),
            ("tools/config_header.cc", "tests/support/golden.h"),
        ]:
            self.expect_bad(path, '#include "%s"\n' % header)
        for path, header in [
            ("kernels/math/math.cc", "kernels/base/isa.h"),
            ("kernels/softmax/softmax.cc", "kernels/math/math-inl.h"),
            ("kernels/softmax/softmax_test.cc", "kernels/softmax/softmax_ref.h"),
            ("kernels/embedding/embedding-inl.h", "kernels/rows/rows-inl.h"),
            ("experiments/model/init.cc", "kernels/softmax/softmax.h"),
            ("experiments/run/thread_team.h", "absl/functional/function_ref.h"),
            ("experiments/model/weights.cc", "experiments/run/safetensors.h"),
            ("experiments/induction/data.cc", "experiments/model/init.h"),
            ("experiments/sweep/main.cc", "experiments/induction/trainer.h"),
            ("tests/parity/a_test.cc", "experiments/induction/trainer.h"),
        ]:
            self.expect_good(path, '#include "%s"\n' % header)

    def test_only_tests_include_test_headers(self):
        for header in ("tests/support/golden.h", "gtest/gtest.h", "kernels/softmax/softmax_ref.h"):
            self.expect_bad("experiments/run/flags.cc", '#include "%s"\n' % header)
            self.expect_bad("kernels/softmax/softmax.cc", '#include "%s"\n' % header)
            self.expect_good("experiments/run/flags_test.cc", '#include "tests/support/golden.h"\n')

    def test_kernels_know_nothing_but_numbers(self):
        for header in [
            "<cstdio>", "<fstream>", "<iostream>", "<vector>", "<string>", "<memory>", "<thread>",
            "<mutex>", "<chrono>", "<ctime>", "<random>", '"absl/flags/flag.h"', '"absl/log/log.h"',
            '"absl/status/status.h"', '"absl/time/clock.h"', '"google/protobuf/message.h"',
        ]:  # fmt: skip
            self.expect_bad("kernels/softmax/softmax-inl.h", "#include %s\n" % header)
            self.expect_bad("kernels/base/random/mt19937.cc", "#include %s\n" % header)
            self.expect_good("kernels/softmax/softmax_bench.cc", "#include %s\n" % header)

    def test_kernels_take_no_memory(self):
        for code in [
            "float* p = new float[n];",
            "delete[] p;",
            "void* p = malloc(n);",
            "std::free(p);",
            "std::vector<float> v;",
            "thread_local int i;",
            "throw 1;",
        ]:
            self.expect_bad("kernels/softmax/softmax.cc", "void f() {\n  %s\n}\n" % code)
            self.expect_good("kernels/softmax/softmax_test.cc", code)
        self.expect_good("kernels/softmax/softmax.cc", "// a new sum\nA(const A&) = delete;\n")
        self.expect_good("kernels/softmax/softmax.cc", 'HWY_ABORT("no new rows");\n')

    def test_schemas_import_schemas_only(self):
        self.expect_bad("protos/induction.proto", 'import "experiments/induction/x.proto";\n')
        self.expect_good("protos/induction.proto", 'import "protos/training.proto";\n')

    def test_kernel_folders_have_their_files_and_row(self):
        files = {"BUILD", "k.h", "k-inl.h", "k.cc", "k_ref.h", "k_test.cc", "k_bench.cc"}
        row = "| [`k`](k/k.h) | y = x | exact |\n"
        self.assertEqual(layering.check_kernel_folder("k", files, row), [])
        self.assertEqual(len(layering.check_kernel_folder("k", files, "| other |")), 1)
        self.assertEqual(len(layering.check_kernel_folder("k", files - {"k_ref.h"}, row)), 1)

    def test_no_public_targets(self):
        text = 'package(default_visibility = ["//visibility:public"])\n'
        for path in ("kernels/softmax/BUILD", "kernels/base/BUILD", "kernels/base/random/BUILD"):
            self.assertEqual(len(layering.check_visibility(path, text)), 1, path)
        self.assertEqual(layering.check_visibility("tests/support/BUILD", text), [])


class Tree(unittest.TestCase):
    def test_tree_is_there(self):
        for name in ("WORKSPACE", "kernels/softmax/softmax.h", "protos/BUILD"):
            self.assertTrue(os.path.exists(os.path.join(_ROOT, name)), name)

    def test_tree_keeps_the_rules(self):
        bad, count = layering.check_tree(_ROOT)
        self.assertGreater(count, 50, "files looked at in " + _ROOT)
        self.assertEqual(bad, [], "\n" + "\n".join(bad))


if __name__ == "__main__":
    unittest.main(verbosity=2)
