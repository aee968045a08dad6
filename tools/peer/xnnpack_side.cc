// XNNPACK as one side of a comparison: softmax and sigmoid rows, and the
// forward product with weights packed beforehand (it is made for inference, and
// has no gradients). Compiled by tools/bench/compare_sides.py, not by Bazel.
#include <xnnpack.h>

#include <limits>

#include "tools/bench/command_loop.h"

namespace {

using polarize::CaseSpec;
using polarize::Runner;
using polarize::TestNumbers;

struct Arrays {
  polarize::Numbers x, y;
  xnn_operator_t op = nullptr;
  ~Arrays() { xnn_delete_operator(op); }
};

Runner Open(const CaseSpec& spec, std::string* why) {
  if (spec.Text("op") != "forward") {
    *why = "no gradients";
    return nullptr;
  }
  auto a = std::make_shared<Arrays>();
  const size_t rows = spec.Number("rows");
  // XNNPACK reads up to 16 bytes behind its input.
  const size_t n = spec.Number("n");
  if (spec.kind == "linear") {
    const size_t inner = spec.Number("inner"), outer = spec.Number("outer");
    const float infinity = std::numeric_limits<float>::infinity();
    a->x = TestNumbers(rows * inner + 16);
    a->y.resize(rows * outer + 16);
    const polarize::Numbers w = TestNumbers(outer * inner + 16);
    if (xnn_create_fully_connected_nc_f32(inner, outer, inner, outer, w.data(),
                                          nullptr, -infinity, infinity, 0,
                                          &a->op) != xnn_status_success) {
      return nullptr;
    }
    return [=] {
      xnn_setup_fully_connected_nc_f32(a->op, rows, a->x.data(), a->y.data(),
                                       nullptr);
      xnn_run_operator(a->op, nullptr);
    };
  }
  a->x = TestNumbers(rows * n + 16);
  a->y.resize(rows * n + 16);
  if (spec.kind == "softmax" &&
      xnn_create_softmax_nc_f32(n, n, n, 0, &a->op) == xnn_status_success) {
    return [=] {
      xnn_setup_softmax_nc_f32(a->op, rows, a->x.data(), a->y.data(), nullptr);
      xnn_run_operator(a->op, nullptr);
    };
  }
  if (spec.kind == "sigmoid" &&
      xnn_create_sigmoid_nc_f32(n, n, n, 0, &a->op) == xnn_status_success) {
    return [=] {
      xnn_setup_sigmoid_nc_f32(a->op, rows, a->x.data(), a->y.data(), nullptr);
      xnn_run_operator(a->op, nullptr);
    };
  }
  return nullptr;
}

}  // namespace

int main() {
  if (xnn_initialize(nullptr) != xnn_status_success) {
    std::cerr << "xnn_initialize failed\n";
    return 1;
  }
  return polarize::ObeyCommands("XNNPACK", "", "", Open);
}
