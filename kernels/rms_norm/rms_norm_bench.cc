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

// The heads of the queries or keys of 256 sequences of 12.
struct Training {
  std::vector<float> x, scale, y, rstd, dy, dx, dscale, scratch;
  Training(size_t rows, size_t width)
      : x(rows * width),
        scale(width, 1.0f),
        y(rows * width),
        rstd(rows),
        dy(rows * width, 0.5f),
        dx(rows * width),
        dscale(width),
        scratch(RmsNormScratch(rows, width)) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * (i % 101);
  }
};

void BM_RmsNormForward(benchmark::State& state) {
  const size_t rows = state.range(0), width = state.range(1);
  Training a(rows, width);
  SerialFor serial;
  for (auto _ : state) {
    RmsNormForward(a.x.data(), a.scale.data(), rows, width, 1e-5f, a.y.data(),
                   a.rstd.data(), serial);
    benchmark::DoNotOptimize(a.y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_RmsNormForward)
    ->ArgNames({"rows", "width"})
    ->Args({12288, 32})
    ->Args({3072, 128});

void BM_RmsNormBackward(benchmark::State& state) {
  const size_t rows = state.range(0), width = state.range(1);
  Training a(rows, width);
  SerialFor serial;
  RmsNormForward(a.x.data(), a.scale.data(), rows, width, 1e-5f, a.y.data(),
                 a.rstd.data(), serial);
  for (auto _ : state) {
    RmsNormBackward(a.x.data(), a.scale.data(), a.rstd.data(), a.dy.data(),
                    rows, width, a.dx.data(), a.dscale.data(), a.scratch.data(),
                    serial);
    benchmark::DoNotOptimize(a.dx.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_RmsNormBackward)
    ->ArgNames({"rows", "width"})
    ->Args({12288, 32})
    ->Args({3072, 128});

}  // namespace
}  // namespace polarize
