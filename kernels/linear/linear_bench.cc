// Products of the model's shapes, in FLOP/s.
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/linear/linear.h"

namespace polarize {
namespace {

// Rows of a default training batch.
constexpr size_t kRows = 256 * 12;

void CountFlops(benchmark::State& state, size_t inner, size_t outer) {
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * kRows * inner * outer,
                         benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Forward(benchmark::State& state) {
  const size_t inner = state.range(0), outer = state.range(1);
  std::vector<float> x(kRows * inner, 0.5f), w(inner * outer, 0.25f);
  std::vector<float> packed(PackedWeightSize(inner, outer)), b(outer, 1.0f);
  std::vector<float> y(kRows * outer);
  SerialFor serial;
  for (auto _ : state) {
    PackForForward(w.data(), inner, outer, packed.data());
    LinearForward<float>(x.data(), kRows, packed.data(), b.data(), nullptr,
                         inner, outer, y.data(), serial);
    benchmark::DoNotOptimize(y.data());
  }
  CountFlops(state, inner, outer);
}

void BM_InputGradient(benchmark::State& state) {
  const size_t inner = state.range(0), outer = state.range(1);
  std::vector<float> dy(kRows * outer, 0.5f), w(inner * outer, 0.25f);
  std::vector<float> packed(PackedWeightSize(outer, inner));
  std::vector<float> dx(kRows * inner);
  SerialFor serial;
  for (auto _ : state) {
    PackForInputGradient(w.data(), inner, outer, packed.data());
    LinearInputGradient<float>(dy.data(), kRows, packed.data(), nullptr, inner,
                               outer, dx.data(), serial);
    benchmark::DoNotOptimize(dx.data());
  }
  CountFlops(state, inner, outer);
}

void BM_WeightGradient(benchmark::State& state) {
  const size_t inner = state.range(0), outer = state.range(1);
  std::vector<float> x(kRows * inner, 0.5f), dy(kRows * outer, 0.25f);
  std::vector<float> packed(PackedInputSize(kRows, inner));
  std::vector<float> dw(inner * outer), db(outer);
  SerialFor serial;
  for (auto _ : state) {
    PackInput(x.data(), kRows, inner, packed.data(), serial);
    LinearWeightGradient(packed.data(), dy.data(), kRows, inner, outer,
                         dw.data(), db.data(), serial);
    benchmark::DoNotOptimize(dw.data());
  }
  CountFlops(state, inner, outer);
}

void ModelShapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"inner", "outer"});
  b->Args({128, 128})->Args({128, 512})->Args({512, 128})->Args({128, 100});
}

BENCHMARK(BM_Forward)->Apply(ModelShapes);
BENCHMARK(BM_InputGradient)->Apply(ModelShapes);
BENCHMARK(BM_WeightGradient)->Apply(ModelShapes);

}  // namespace
}  // namespace polarize
