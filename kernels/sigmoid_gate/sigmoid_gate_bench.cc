#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/sigmoid_gate/sigmoid_gate.h"

namespace polarize {
namespace {

// In cache, and what 256 sequences of 12 rows of width 128 attend to.
constexpr size_t kSizes[] = {4096, 3072 * 128};

struct Arrays {
  std::vector<float> x, gate, y, open, dy, dx, dgate;
  explicit Arrays(size_t n)
      : x(n, 0.5f), gate(n), y(n), open(n), dy(n, 0.25f), dx(n), dgate(n) {
    for (size_t i = 0; i < n; ++i) gate[i] = 0.1f * (i % 101) - 5;
  }
  void Forward(ParallelFor& parallel) {
    SigmoidGateForward(x.data(), gate.data(), x.size(), y.data(), open.data(),
                       parallel);
  }
};

void BM_SigmoidGateForward(benchmark::State& state) {
  Arrays a(state.range(0));
  SerialFor serial;
  for (auto _ : state) {
    a.Forward(serial);
    benchmark::DoNotOptimize(a.y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_SigmoidGateForward)->Arg(kSizes[0])->Arg(kSizes[1]);

void BM_SigmoidGateBackward(benchmark::State& state) {
  Arrays a(state.range(0));
  SerialFor serial;
  a.Forward(serial);
  for (auto _ : state) {
    SigmoidGateBackward(a.x.data(), a.open.data(), a.dy.data(), a.x.size(),
                        a.dx.data(), a.dgate.data(), serial);
    benchmark::DoNotOptimize(a.dgate.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_SigmoidGateBackward)->Arg(kSizes[0])->Arg(kSizes[1]);

}  // namespace
}  // namespace polarize
