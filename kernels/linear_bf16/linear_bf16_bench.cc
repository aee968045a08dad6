// Products of the model's shapes with bfloat16 factors, rounding included, in
// FLOP/s of the fastest call (as linear_bench.cc has them for float).
#include <algorithm>
#include <chrono>
#include <cstddef>

#include "benchmark/benchmark.h"
#include "hwy/aligned_allocator.h"
#include "kernels/linear_bf16/linear_bf16.h"

namespace polarize {
namespace {

template <typename T>
hwy::AlignedFreeUniquePtr<T[]> Array(size_t n, T value = T(0)) {
  auto array = hwy::AllocateAligned<T>(n);
  std::fill_n(array.get(), n, value);
  return array;
}

struct Shape {
  explicit Shape(const benchmark::State& state)
      : rows(state.range(0)), inner(state.range(1)), outer(state.range(2)) {}
  size_t rows, inner, outer;
};

template <class Product>
void Run(benchmark::State& state, const Shape& s, const Product& product) {
  using Clock = std::chrono::steady_clock;
  double fastest = 1e9;
  for (auto _ : state) {
    const auto start = Clock::now();
    product();
    const std::chrono::duration<double> taken = Clock::now() - start;
    fastest = std::min(fastest, taken.count());
  }
  state.counters["FLOP/s"] = 2.0 * s.rows * s.inner * s.outer / fastest;
}

void BM_Forward(benchmark::State& state) {
  const Shape s(state);
  auto x = Array(s.rows * s.inner, 0.5f), w = Array(s.inner * s.outer, 0.25f);
  auto y = Array<float>(s.rows * s.outer);
  auto packed = Array<BF16Pair>(PackedWeightSizeBF16(s.inner, s.outer));
  auto rounded = Array<BF16Pair>(RoundedSizeBF16(s.rows, s.inner));
  auto pairs = Array<BF16Pair>(RowPairsSizeBF16(s.rows, s.inner));
  PackForForwardBF16(w.get(), s.inner, s.outer, packed.get());
  SerialFor serial;
  Run(state, s, [&] {
    LinearForwardBF16(x.get(), s.rows, packed.get(), nullptr, nullptr, s.inner,
                      s.outer, y.get(), rounded.get(), pairs.get(), serial);
    benchmark::DoNotOptimize(y.get());
  });
}

void BM_InputGradient(benchmark::State& state) {
  const Shape s(state);
  auto dy = Array(s.rows * s.outer, 0.5f), w = Array(s.inner * s.outer, 0.25f);
  auto dx = Array<float>(s.rows * s.inner);
  auto packed = Array<BF16Pair>(PackedWeightSizeBF16(s.outer, s.inner));
  auto rounded = Array<BF16Pair>(RoundedSizeBF16(s.rows, s.outer));
  auto pairs = Array<BF16Pair>(RowPairsSizeBF16(s.rows, s.outer));
  PackForInputGradientBF16(w.get(), s.inner, s.outer, packed.get());
  SerialFor serial;
  Run(state, s, [&] {
    LinearInputGradientBF16(dy.get(), s.rows, packed.get(), nullptr, nullptr,
                            s.inner, s.outer, dx.get(), rounded.get(),
                            pairs.get(), serial);
    benchmark::DoNotOptimize(dx.get());
  });
}

void BM_WeightGradient(benchmark::State& state) {
  const Shape s(state);
  auto x = Array(s.rows * s.inner, 0.5f), dy = Array(s.rows * s.outer, 0.25f);
  auto dw = Array<float>(s.inner * s.outer), db = Array<float>(s.outer);
  auto px = Array<BF16Pair>(RowPairsSizeBF16(s.rows, s.inner));
  auto pdy = Array<BF16Pair>(RowPairsSizeBF16(s.rows, s.outer));
  SerialFor serial;
  Run(state, s, [&] {
    LinearWeightGradientBF16(px.get(), pdy.get(), dy.get(), s.rows, s.inner,
                             s.outer, dw.get(), db.get(), serial);
    benchmark::DoNotOptimize(dw.get());
  });
}

void ModelShapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "inner", "outer"});
  for (int rows : {500, 256 * 12}) {
    b->Args({rows, 128, 128})->Args({rows, 128, 512})->Args({rows, 512, 128});
  }
}

BENCHMARK(BM_Forward)->Apply(ModelShapes);
BENCHMARK(BM_InputGradient)->Apply(ModelShapes);
BENCHMARK(BM_WeightGradient)->Apply(ModelShapes);

}  // namespace
}  // namespace polarize
