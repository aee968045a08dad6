#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace polarize {
namespace {

// Arguments: rows, width, whether the gradient is wanted.
void BM_CrossEntropy(benchmark::State& state) {
  const size_t rows = state.range(0), width = state.range(1);
  std::vector<float> logits(rows * width), dlogits(rows * width);
  std::vector<float> weight(rows, 1.0f / rows), loss(rows);
  std::vector<int32_t> target(rows);
  std::vector<uint8_t> correct(rows);
  for (size_t i = 0; i < logits.size(); ++i) {
    logits[i] = 0.01f * (i * 7919 % 1009);
  }
  for (size_t r = 0; r < rows; ++r) target[r] = r % width;
  SerialFor serial;
  for (auto _ : state) {
    CrossEntropy(logits.data(), target.data(), weight.data(), rows, width,
                 loss.data(), state.range(2) ? dlogits.data() : nullptr,
                 correct.data(), serial);
    benchmark::DoNotOptimize(loss.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows * width);
}
BENCHMARK(BM_CrossEntropy)
    ->Args({3072, 100, 1})
    ->Args({3072, 100, 0})
    ->Args({256, 4, 1});

}  // namespace
}  // namespace polarize
