#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/alibi_attention/alibi_attention.h"

namespace polarize {
namespace {

// One head among 32.
void BM_AlibiAttention(benchmark::State& state) {
  const size_t n = state.range(0), width = state.range(1), stride = 32 * width;
  const AlibiHead<float> head = {n,
                                 width,
                                 stride,
                                 0.25f,
                                 state.range(2) != 0 ? 8.3f : 0.0f,
                                 state.range(2) != 0
                                     ? AlibiActivation::kSigmoid
                                     : AlibiActivation::kSoftmax};
  std::vector<float> q(n * stride), k(n * stride), v(n * stride), o(n * stride),
      scratch(AlibiScratch(n, width));
  for (size_t i = 0; i < q.size(); ++i) {
    q[i] = 0.01f * (i % 101) - 0.5f;
    k[i] = 0.01f * (i % 103) - 0.5f;
    v[i] = 0.01f * (i % 107) - 0.5f;
  }
  double sum = 0;
  for (auto _ : state) {
    AlibiAttention<float>(q.data(), k.data(), v.data(), head, o.data(),
                          scratch.data(),
                          [&](size_t, const float* row) { sum += row[0]; });
    benchmark::DoNotOptimize(sum);
    benchmark::ClobberMemory();
  }
  state.counters["op/s"] = benchmark::Counter(
      2.0 * n * n * width, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_AlibiAttention)
    ->ArgNames({"positions", "width", "sigmoid"})
    ->Args({256, 128, 0})
    ->Args({256, 128, 1});

void BM_DescribeAttentionRow(benchmark::State& state) {
  const size_t n = state.range(0);
  std::vector<float> w(n, 0.01f);
  for (auto _ : state) {
    benchmark::DoNotOptimize(DescribeAttentionRow(w.data(), n));
  }
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK(BM_DescribeAttentionRow)->Arg(256);

}  // namespace
}  // namespace polarize
