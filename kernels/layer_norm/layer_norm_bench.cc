#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/layer_norm/layer_norm.h"

namespace polarize {
namespace {

constexpr size_t kRows = 3072;  // 256 sequences of 12

struct Arrays {
  std::vector<float> x, weight, bias, y, mean, rstd, dy, dx, dweight, dbias,
      scratch;
  explicit Arrays(size_t width)
      : x(kRows * width),
        weight(width, 1.0f),
        bias(width),
        y(kRows * width),
        mean(kRows),
        rstd(kRows),
        dy(kRows * width, 0.5f),
        dx(kRows * width),
        dweight(width),
        dbias(width),
        scratch(LayerNormScratch(kRows, width)) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * (i % 101);
  }
  void Forward(size_t width, ParallelFor& parallel) {
    LayerNormForward(x.data(), weight.data(), bias.data(), kRows, width, 1e-5f,
                     y.data(), mean.data(), rstd.data(), parallel);
  }
};

void BM_LayerNormForward(benchmark::State& state) {
  const size_t width = state.range(0);
  Arrays a(width);
  SerialFor serial;
  for (auto _ : state) {
    a.Forward(width, serial);
    benchmark::DoNotOptimize(a.y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_LayerNormForward)->Arg(64)->Arg(128)->Arg(512);

void BM_LayerNormBackward(benchmark::State& state) {
  const size_t width = state.range(0);
  Arrays a(width);
  SerialFor serial;
  a.Forward(width, serial);
  for (auto _ : state) {
    LayerNormBackward(a.x.data(), a.weight.data(), a.mean.data(), a.rstd.data(),
                      a.dy.data(), kRows, width, a.dx.data(), a.dweight.data(),
                      a.dbias.data(), a.scratch.data(), serial);
    benchmark::DoNotOptimize(a.dx.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_LayerNormBackward)->Arg(64)->Arg(128)->Arg(512);

}  // namespace
}  // namespace polarize
