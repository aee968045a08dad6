#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/rms_norm/rms_norm.h"

namespace polarize {
namespace {

// 256 rows of a model, or of its heads.
void BM_RmsNorm(benchmark::State& state) {
  const size_t rows = state.range(0), width = state.range(1);
  const bool adds = state.range(2) != 0;
  std::vector<float> x(rows * width), scale(width, 1.0f), y(rows * width);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * (i % 101);
  for (auto _ : state) {
    RmsNorm<float>(x.data(), scale.data(), adds ? y.data() : nullptr, rows,
                   width, 1e-5f, 1.0f, y.data());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * x.size());
}
BENCHMARK(BM_RmsNorm)
    ->ArgNames({"rows", "width", "residual"})
    ->Args({256, 4096, 0})
    ->Args({256, 4096, 1})
    ->Args({8192, 128, 0});

}  // namespace
}  // namespace polarize
