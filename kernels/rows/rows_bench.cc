#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/rows/rows.h"

namespace polarize {
namespace {

constexpr size_t kRows = 3072;  // 256 sequences of 12

// Arguments: width, how many rows of the output share one row of the input.
void BM_GatherRows(benchmark::State& state) {
  const size_t width = state.range(0), shared = state.range(1);
  std::vector<float> x(kRows * width), y(kRows * width);
  std::vector<uint32_t> index(kRows);
  for (size_t i = 0; i < kRows; ++i) index[i] = i / shared;
  SerialFor serial;
  for (auto _ : state) {
    GatherRows(x.data(), index.data(), kRows, width, y.data(), serial);
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kRows * width);
}
BENCHMARK(BM_GatherRows)->ArgsProduct({{64, 128, 512}, {1, 16}});

void BM_AddSegments(benchmark::State& state) {
  const size_t width = state.range(0), shared = state.range(1);
  const size_t segments = kRows / shared;
  std::vector<float> dy(kRows * width), dx(segments * width);
  std::vector<uint32_t> begin(segments + 1), member(kRows);
  for (size_t s = 0; s <= segments; ++s) begin[s] = s * shared;
  for (size_t k = 0; k < kRows; ++k) member[k] = k;
  SerialFor serial;
  for (auto _ : state) {
    AddSegments(dy.data(), begin.data(), member.data(), segments, width,
                dx.data(), serial);
    benchmark::DoNotOptimize(dx.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kRows * width);
}
BENCHMARK(BM_AddSegments)->ArgsProduct({{64, 128, 512}, {1, 16}});

}  // namespace
}  // namespace polarize
