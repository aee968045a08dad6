#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/sign_descent/sign_descent.h"

namespace polarize {
namespace {

// Argument: elements; 430000 are the parameters of the default experiment.
template <typename T>
void BM_SignDescentStep(benchmark::State& state) {
  const size_t n = state.range(0);
  std::vector<T> g(n), p(n);
  for (size_t i = 0; i < n; ++i) {
    g[i] = static_cast<T>(0.001) * (static_cast<T>(i % 1009) - T(500));
  }
  SerialFor serial;
  for (auto _ : state) {
    SignDescentStep(SignDescent{1e-3, 0.01}, g.data(), p.data(), n, serial);
    benchmark::DoNotOptimize(p.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK_TEMPLATE(BM_SignDescentStep, float)->Arg(16384)->Arg(430000);
BENCHMARK_TEMPLATE(BM_SignDescentStep, double)->Arg(16384)->Arg(430000);

}  // namespace
}  // namespace polarize
