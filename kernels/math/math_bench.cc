// Elements per second in cache (4096) and out of it (4194304); 16777216 are
// past kStreamBytes.
#include <cstddef>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/math/math.h"

namespace polarize {
namespace {

using Function = void (*)(const float*, float*, size_t);
using Gradient = void (*)(const float*, const float*, float*, size_t);

// Values from -8 to 8: every branch is taken.
std::vector<float> Inputs(size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = (i * 37 % 1001) * 0.016f - 8.0f;
  return x;
}

void RunFunction(benchmark::State& state, Function function) {
  const std::vector<float> x = Inputs(state.range(0));
  std::vector<float> y(x.size());
  for (auto _ : state) {
    function(x.data(), y.data(), x.size());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * x.size());
}

void RunGradient(benchmark::State& state, Gradient gradient) {
  const std::vector<float> x = Inputs(state.range(0));
  std::vector<float> dx(x.size());
  for (auto _ : state) {
    gradient(x.data(), x.data(), dx.data(), x.size());
    benchmark::DoNotOptimize(dx.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * x.size());
}

#define POLARIZE_BENCHMARK(Name)                        \
  BENCHMARK_CAPTURE(RunFunction, Name, &Name)           \
      ->ArgName("n")                                    \
      ->Arg(4096)                                       \
      ->Arg(4194304);                                   \
  BENCHMARK_CAPTURE(RunGradient, Name, &Name##Gradient) \
      ->ArgName("n")                                    \
      ->Arg(4096)                                       \
      ->Arg(4194304)

POLARIZE_BENCHMARK(Exp);
POLARIZE_BENCHMARK(Log);
POLARIZE_BENCHMARK(Erf);
POLARIZE_BENCHMARK(Sigmoid);
BENCHMARK_CAPTURE(RunFunction, SigmoidStreamed, &Sigmoid)
    ->ArgName("n")
    ->Arg(16777216);
BENCHMARK_CAPTURE(RunGradient, SigmoidFromValue, &SigmoidGradientFromValue)
    ->ArgName("n")
    ->Arg(4096)
    ->Arg(4194304)
    ->Arg(16777216);
POLARIZE_BENCHMARK(Elu);
POLARIZE_BENCHMARK(Gelu);

}  // namespace
}  // namespace polarize
