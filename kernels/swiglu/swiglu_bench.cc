#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/swiglu/swiglu.h"

namespace polarize {
namespace {

void BM_SwiGlu(benchmark::State& state) {
  const size_t n = state.range(0);
  std::vector<float> gate(n), up(n, 0.5f), y(n);
  for (size_t i = 0; i < n; ++i) gate[i] = 0.1f * (i % 101) - 5;
  for (auto _ : state) {
    SwiGlu(gate.data(), up.data(), n, y.data());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK(BM_SwiGlu)->Arg(4096)->Arg(256 * 11008);

}  // namespace
}  // namespace polarize
