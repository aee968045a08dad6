"""The C++ rules of this project: the usual ones with the project's own flags."""

load(
    "@rules_cc//cc:defs.bzl",
    _cc_binary = "cc_binary",
    _cc_library = "cc_library",
    _cc_test = "cc_test",
)

# Our own code knows neither exceptions nor run-time type information, and
# compiles without a warning. Dependencies keep their own flags.
_COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fno-exceptions",
    "-fno-rtti",
]

def cc_library(copts = [], **kwargs):
    _cc_library(copts = _COPTS + copts, **kwargs)

def cc_binary(copts = [], **kwargs):
    _cc_binary(copts = _COPTS + copts, **kwargs)

def cc_test(copts = [], size = "small", **kwargs):
    _cc_test(copts = _COPTS + copts, size = size, **kwargs)

def kernel(name, deps = [], inl_deps = [], test_deps = [], test_size = "small", visibility = None):
    """One kernel folder: NAME.h NAME-inl.h NAME.cc NAME_ref.h NAME_test.cc NAME_bench.cc.

    Makes the targets NAME (what callers link), NAME-inl (the vector code that other
    kernels include per instruction set), NAME_ref, NAME_test, NAME_bench and
    NAME_bench_test, which runs every benchmark once so that none can rot.

    Args:
      name: the kernel, and the folder's name.
      deps: libraries that NAME.h or NAME.cc include.
      inl_deps: libraries that NAME-inl.h includes.
      test_deps: libraries that only the test or the benchmark include.
      test_size: Bazel's size of NAME_test.
      visibility: who may link NAME and NAME-inl.
    """
    cc_library(
        name = name + "-inl",
        # Compiled once per instruction set, inside the .cc that includes it.
        textual_hdrs = [name + "-inl.h"],
        visibility = visibility,
        deps = inl_deps + ["@highway//:hwy"],
    )
    cc_library(
        name = name,
        srcs = [name + ".cc"],
        hdrs = [name + ".h"],
        # foreach_target.h includes NAME.cc again, once per instruction set.
        textual_hdrs = [name + ".cc"],
        visibility = visibility,
        deps = deps + [":%s-inl" % name, "//kernels/base:simd_targets", "@highway//:hwy"],
    )
    cc_library(
        name = name + "_ref",
        testonly = True,
        hdrs = [name + "_ref.h"],
        visibility = ["//kernels:__subpackages__", "//tests:__subpackages__"],
    )
    cc_test(
        name = name + "_test",
        size = test_size,
        srcs = [name + "_test.cc"],
        deps = deps + test_deps + [
            ":" + name,
            ":%s_ref" % name,
            "//kernels/base:simd_targets",
            "//tests/support:kernel_testing",
            "@com_google_googletest//:gtest_main",
        ],
    )
    cc_library(
        name = name + "_bench_lib",
        testonly = True,
        srcs = [name + "_bench.cc"],
        deps = deps + test_deps + [
            ":" + name,
            "//kernels/base:simd_targets",
            "@com_google_benchmark//:benchmark_main",
        ],
        alwayslink = True,
    )
    cc_binary(
        name = name + "_bench",
        testonly = True,
        deps = [":%s_bench_lib" % name],
    )
    cc_test(
        name = name + "_bench_test",
        args = ["--benchmark_min_time=0"],
        # A sanitizer would time itself, on code that NAME_test covers.
        tags = ["no-sanitizer"],
        deps = [":%s_bench_lib" % name],
    )
