// OpenBLAS as one side of a comparison: sgemm on the products' plain arrays.
// Compiled by tools/bench/compare_sides.py, not by Bazel.
#include <cblas.h>

#include "tools/bench/command_loop.h"

extern "C" char* openblas_get_config(void);
extern "C" char* openblas_get_corename(void);

namespace {

using polarize::CaseSpec;
using polarize::Runner;
using polarize::TestNumbers;

Runner Open(const CaseSpec& spec, std::string*) {
  if (spec.kind != "linear") return nullptr;
  const int rows = spec.Number("rows"), inner = spec.Number("inner"),
            outer = spec.Number("outer");
  const std::string op = spec.Text("op");
  struct Arrays {
    polarize::Numbers x, y, w;
  };
  auto a = std::make_shared<Arrays>();
  a->x = TestNumbers(spec.Number("rows") * inner);
  a->y = TestNumbers(spec.Number("rows") * outer);
  a->w = TestNumbers(spec.Number("outer") * inner);
  if (op == "forward") {
    return [=] {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, outer, inner,
                  1, a->x.data(), inner, a->w.data(), inner, 0, a->y.data(),
                  outer);
    };
  }
  if (op == "input_gradient") {
    return [=] {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, inner, outer,
                  1, a->y.data(), outer, a->w.data(), inner, 0, a->x.data(),
                  inner);
    };
  }
  return [=] {
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, outer, inner, rows, 1,
                a->y.data(), outer, a->x.data(), inner, 0, a->w.data(), inner);
  };
}

}  // namespace

int main() {
  const std::string config = openblas_get_config();
  const size_t space = config.find(' ');
  const std::string version = config.substr(space + 1);
  return polarize::ObeyCommands("OpenBLAS",
                                version.substr(0, version.find(' ')),
                                openblas_get_corename(), Open);
}
