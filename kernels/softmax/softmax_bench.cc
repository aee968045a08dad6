// Elements per second: short rows as in the experiments (12), long ones in and
// out of cache.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/base/parallel_for.h"
#include "kernels/softmax/softmax.h"

namespace polarize {
namespace {

std::vector<float> Inputs(size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = (i * 37 % 1001) * 0.016f - 8.0f;
  return x;
}

void Softmax(benchmark::State& state) {
  const size_t rows = state.range(0), n = state.range(1);
  const std::vector<float> x = Inputs(rows * n);
  std::vector<float> y(x.size());
  SerialFor serial;
  for (auto _ : state) {
    SoftmaxRows(x.data(), rows, n, n, y.data(), serial);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows * n);
}

void CausalSoftmax(benchmark::State& state) {
  const size_t n = state.range(0);
  const std::vector<float> x = Inputs(n * n);
  std::vector<float> y(x.size());
  SerialFor serial;
  for (auto _ : state) {
    CausalSoftmaxRows(x.data(), n, n, y.data(), serial);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n * (n + 1) / 2);
}

void SoftmaxGradient(benchmark::State& state) {
  const size_t rows = state.range(0), n = state.range(1);
  const std::vector<float> y(rows * n, 1.0f / n), dy = Inputs(rows * n);
  std::vector<float> dx(y.size());
  SerialFor serial;
  for (auto _ : state) {
    SoftmaxRowsGradient(y.data(), dy.data(), rows, n, n, dx.data(), serial);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows * n);
}

// 2^14 elements stay in L2, 2^24 do not stay in any cache.
void Shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "n"});
  for (const size_t elements : {size_t{1} << 14, size_t{1} << 24}) {
    for (const size_t n : {12, 64, 128, 1024, 4096, 32768}) {
      b->Args({static_cast<int64_t>((elements + n - 1) / n),
               static_cast<int64_t>(n)});
    }
  }
}

BENCHMARK(Softmax)->Apply(Shapes);
BENCHMARK(CausalSoftmax)->ArgName("n")->Arg(12)->Arg(128)->Arg(1024);
BENCHMARK(SoftmaxGradient)->Apply(Shapes);

}  // namespace
}  // namespace polarize
