#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/large_product/large_product.h"

namespace polarize {
namespace {

struct Arrays {
  size_t rows, inner, outer;
  std::vector<float> x, w, y;

  explicit Arrays(const benchmark::State& state)
      : rows(state.range(0)),
        inner(state.range(1)),
        outer(state.range(2)),
        x(rows * inner),
        w(inner * outer),
        y(rows * outer) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * (i % 101);
    for (size_t i = 0; i < w.size(); ++i) w[i] = 0.02f * (i % 53) - 0.5f;
  }
};

void CountOperations(const Arrays& a, benchmark::State& state) {
  state.counters["op/s"] =
      benchmark::Counter(2.0 * a.rows * a.inner * a.outer,
                         benchmark::Counter::kIsIterationInvariantRate);
}

void BM_LargeProduct(benchmark::State& state) {
  Arrays a(state);
  std::vector<float> packed(PackedProductSize(a.inner, a.outer)),
      scratch(LargeProductScratch());
  PackProductRows(a.w.data(), 0, a.inner, a.inner, a.outer, packed.data());
  for (auto _ : state) {
    LargeProduct(a.x.data(), a.rows, packed.data(), a.inner, a.outer,
                 a.y.data(), scratch.data());
    benchmark::DoNotOptimize(a.y.data());
    benchmark::ClobberMemory();
  }
  CountOperations(a, state);
}
BENCHMARK(BM_LargeProduct)
    ->ArgNames({"rows", "inner", "outer"})
    ->Args({256, 1024, 1024});

void BM_LargeProductBF16(benchmark::State& state) {
  Arrays a(state);
  std::vector<BF16Pair> packed(PackedProductSizeBF16(a.inner, a.outer)),
      scratch(LargeProductScratch());
  PackProductRowsBF16(a.w.data(), 0, a.inner, a.inner, a.outer, packed.data());
  for (auto _ : state) {
    LargeProductBF16(a.x.data(), a.rows, packed.data(), a.inner, a.outer,
                     a.y.data(), scratch.data());
    benchmark::DoNotOptimize(a.y.data());
    benchmark::ClobberMemory();
  }
  CountOperations(a, state);
}
BENCHMARK(BM_LargeProductBF16)
    ->ArgNames({"rows", "inner", "outer"})
    ->Args({256, 1024, 1024});

void BM_PackProductRows(benchmark::State& state) {
  Arrays a(state);
  std::vector<float> packed(PackedProductSize(a.inner, a.outer));
  for (auto _ : state) {
    PackProductRows(a.w.data(), 0, a.inner, a.inner, a.outer, packed.data());
    benchmark::DoNotOptimize(packed.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * a.w.size() * sizeof(float));
}
BENCHMARK(BM_PackProductRows)
    ->ArgNames({"rows", "inner", "outer"})
    ->Args({1, 1024, 1024});

}  // namespace
}  // namespace polarize
