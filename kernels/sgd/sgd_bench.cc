#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/sgd/sgd.h"

namespace polarize {
namespace {

// Elements as gradients have them.
template <typename T>
std::vector<T> Gradient(size_t n) {
  std::vector<T> g(n);
  for (size_t i = 0; i < n; ++i) g[i] = T(0.001) * static_cast<T>(i % 1009 + 1);
  return g;
}

// Argument: elements; 430000 are the parameters of the default experiment.
template <typename T>
void BM_SgdStep(benchmark::State& state) {
  const size_t n = state.range(0);
  const std::vector<T> g = Gradient<T>(n);
  std::vector<T> p(n);
  SerialFor serial;
  for (auto _ : state) {
    SgdStep(Sgd{1e-3, 0, 0.01}, g.data(), p.data(), n, serial);
    benchmark::DoNotOptimize(p.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK_TEMPLATE(BM_SgdStep, float)->Arg(16384)->Arg(430000);
BENCHMARK_TEMPLATE(BM_SgdStep, double)->Arg(16384)->Arg(430000);

template <typename T>
void BM_MomentumStep(benchmark::State& state) {
  const size_t n = state.range(0);
  const std::vector<T> g = Gradient<T>(n);
  std::vector<T> p(n), m(n);
  SerialFor serial;
  for (auto _ : state) {
    MomentumStep(Sgd{1e-3, 0.9, 0.01}, g.data(), p.data(), m.data(), n, serial);
    benchmark::DoNotOptimize(p.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK_TEMPLATE(BM_MomentumStep, float)->Arg(16384)->Arg(430000);
BENCHMARK_TEMPLATE(BM_MomentumStep, double)->Arg(16384)->Arg(430000);

}  // namespace
}  // namespace polarize
