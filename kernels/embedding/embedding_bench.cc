#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/embedding/embedding.h"

namespace polarize {
namespace {

constexpr size_t kLength = 12, kRows = 256 * kLength;

struct Arrays {
  EmbeddingShape shape;
  std::vector<int32_t> token, position;
  std::vector<float> token_table, position_table, x;
  std::vector<uint32_t> scratch;
  explicit Arrays(size_t width)
      : shape{EmbeddingShape::Combine::kConcat, 100, 512, width / 2, width / 2},
        token(kRows),
        position(kRows),
        token_table(100 * width / 2),
        position_table(512 * width / 2),
        x(kRows * width),
        scratch(EmbeddingScratch(shape, kRows)) {
    for (size_t r = 0; r < kRows; ++r) {
      position[r] = r % kLength;
      token[r] = position[r] == 0 ? 0 : r * 7919 % 100;
    }
  }
};

// Argument: width of a row.
void BM_EmbeddingForward(benchmark::State& state) {
  Arrays a(state.range(0));
  SerialFor serial;
  for (auto _ : state) {
    EmbeddingForward(a.shape, a.token.data(), a.position.data(), kRows,
                     a.token_table.data(), a.position_table.data(), a.x.data(),
                     serial);
    benchmark::DoNotOptimize(a.x.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_EmbeddingForward)->Arg(64)->Arg(128)->Arg(512);

void BM_EmbeddingBackward(benchmark::State& state) {
  Arrays a(state.range(0));
  SerialFor serial;
  for (auto _ : state) {
    EmbeddingBackward(a.shape, a.token.data(), a.position.data(), kRows,
                      a.x.data(), a.token_table.data(), a.position_table.data(),
                      a.scratch.data(), serial);
    benchmark::DoNotOptimize(a.token_table.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * a.x.size());
}
BENCHMARK(BM_EmbeddingBackward)->Arg(64)->Arg(128)->Arg(512);

}  // namespace
}  // namespace polarize
