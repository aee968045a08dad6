#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/adamw/adamw.h"

namespace polarize {
namespace {

// Argument: elements; 430000 are the parameters of the default experiment.
template <typename T>
void BM_AdamWStep(benchmark::State& state) {
  const size_t n = state.range(0);
  std::vector<T> g(n), p(n), m(n), v(n);
  for (size_t i = 0; i < n; ++i) g[i] = T(0.001) * static_cast<T>(i % 1009 + 1);
  const AdamW options = {1e-3, 0.9, 0.999, 1e-8, 0.01};
  SerialFor serial;
  uint64_t step = 0;
  for (auto _ : state) {
    AdamWStep(options, ++step, g.data(), p.data(), m.data(), v.data(), n,
              serial);
    benchmark::DoNotOptimize(p.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK_TEMPLATE(BM_AdamWStep, float)->Arg(16384)->Arg(430000);
BENCHMARK_TEMPLATE(BM_AdamWStep, double)->Arg(16384)->Arg(430000);

}  // namespace
}  // namespace polarize
