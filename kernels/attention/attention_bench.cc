// Attention of one default training batch, in heads (of one sequence) per
// second.
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

constexpr size_t kContexts = 256, kKeys = 12, kHeads = 4, kWidth = 32;
constexpr size_t kRows = kContexts * kKeys;

struct Batch {
  Batch() {
    for (size_t c = 0; c <= kContexts; ++c) begin.push_back(c * kKeys);
    for (size_t r = 0; r < kRows; ++r) visible.push_back(r % kKeys + 1);
    for (size_t i = 0; i < x.size(); ++i) x[i] = (i * 37 % 101) / 50.0f - 1;
  }
  AttentionPlan Plan() const {
    return {kContexts, kKeys, kHeads, kWidth, begin.data(), visible.data()};
  }
  std::vector<uint32_t> begin, visible;
  std::vector<float> x = std::vector<float>(kRows * kHeads * kWidth);
  std::vector<float> o = x, dq = x, dk = x, dv = x;
  std::vector<float> raw =
      std::vector<float>(kRows * kHeads * PaddedKeys(kKeys));
  std::vector<float> sum = std::vector<float>(kRows * kHeads);
  std::vector<float> scratch =
      std::vector<float>(AttentionScratch(kKeys, kKeys, kWidth));
};

void Finish(benchmark::State& state) {
  state.SetLabel(AttentionKinds()[state.range(0)].name);
  state.counters["heads/s"] = benchmark::Counter(
      kContexts * kHeads, benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Forward(benchmark::State& state) {
  Batch b;
  SerialFor serial;
  for (auto _ : state) {
    AttentionForward<float>(
        state.range(0),
        {b.Plan(), b.x.data(), b.x.data(), b.x.data(), b.o.data(), b.raw.data(),
         b.sum.data(), b.scratch.data()},
        serial);
    benchmark::DoNotOptimize(b.o.data());
  }
  Finish(state);
}

void BM_Backward(benchmark::State& state) {
  Batch b;
  SerialFor serial;
  AttentionForward<float>(
      state.range(0),
      {b.Plan(), b.x.data(), b.x.data(), b.x.data(), b.o.data(), b.raw.data(),
       b.sum.data(), b.scratch.data()},
      serial);
  for (auto _ : state) {
    AttentionBackward<float>(
        state.range(0),
        {b.Plan(), b.x.data(), b.x.data(), b.x.data(), b.raw.data(),
         b.sum.data(), b.o.data(), b.dq.data(), b.dk.data(), b.dv.data(),
         b.scratch.data()},
        serial);
    benchmark::DoNotOptimize(b.dq.data());
  }
  Finish(state);
}

void EveryKind(benchmark::internal::Benchmark* b) {
  for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) b->Arg(kind);
}

BENCHMARK(BM_Forward)->Apply(EveryKind);
BENCHMARK(BM_Backward)->Apply(EveryKind);

}  // namespace
}  // namespace polarize
