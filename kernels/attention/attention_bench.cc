// Attention of one training batch, in heads (of one sequence) and operations
// per second. What is not visible counts for nothing.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

struct Shape {
  size_t contexts, keys, heads, width;
  bool causal;
};

// Induction's default and the paper's other numbers of heads; classification.
constexpr Shape kShapes[] = {{256, 12, 4, 32, true}, {256, 12, 8, 16, true},
                             {256, 12, 2, 64, true}, {256, 12, 1, 128, true},
                             {64, 11, 2, 32, false}, {64, 11, 1, 64, false},
                             {64, 11, 1, 128, false}};

struct Batch {
  explicit Batch(const Shape& s) : shape(s) {
    for (size_t c = 0; c <= s.contexts; ++c) begin.push_back(c * s.keys);
    for (size_t r = 0; r < rows; ++r) {
      visible.push_back(s.causal ? r % s.keys + 1 : s.keys);
    }
    for (size_t i = 0; i < x.size(); ++i) x[i] = (i * 37 % 101) / 50.0f - 1;
  }
  AttentionPlan Plan() const {
    return {shape.contexts, shape.keys,   shape.heads,
            shape.width,    begin.data(), visible.data()};
  }
  void Forward(size_t kind) {
    AttentionForward<float>(
        kind,
        {Plan(), x.data(), x.data(), x.data(), o.data(), raw.data(), sum.data(),
         scratch.data(), sink_logit.data(), sink_term.data()},
        serial);
  }
  void Backward(size_t kind) {
    AttentionBackward<float>(
        kind,
        {Plan(), x.data(), x.data(), x.data(), raw.data(), sum.data(), o.data(),
         dq.data(), dk.data(), dv.data(), scratch.data(), sink_term.data(),
         d_sink_logit.data()},
        serial);
  }

  Shape shape;
  size_t rows = shape.contexts * shape.keys;
  std::vector<uint32_t> begin, visible;
  std::vector<float> x = std::vector<float>(rows * shape.heads * shape.width);
  std::vector<float> o = x, dq = x, dk = x, dv = x;
  std::vector<float> raw =
      std::vector<float>(rows * shape.heads * PaddedKeys(shape.keys));
  std::vector<float> sum = std::vector<float>(rows * shape.heads);
  std::vector<float> sink_logit = std::vector<float>(shape.heads);
  std::vector<float> d_sink_logit = sink_logit, sink_term = sum;
  std::vector<float> scratch = std::vector<float>(
      AttentionScratch(shape.keys, shape.keys, shape.heads, shape.width));
  SerialFor serial;
};

// products: of (query, key, column) triples that are visible, per head.
void Finish(benchmark::State& state, const Shape& s, size_t products) {
  const AttentionKind& kind = AttentionKinds()[state.range(0)];
  state.SetLabel(kind.name);
  const double heads = s.contexts * s.heads;
  const size_t pairs = s.causal ? s.keys * (s.keys + 1) / 2 : s.keys * s.keys;
  if (!kind.uses_scores) products = 1;
  state.counters["heads/s"] =
      benchmark::Counter(heads, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["flop/s"] =
      benchmark::Counter(heads * products * 2 * pairs * s.width,
                         benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Forward(benchmark::State& state) {
  Batch b(kShapes[state.range(1)]);
  for (auto _ : state) {
    b.Forward(state.range(0));
    benchmark::ClobberMemory();
  }
  Finish(state, b.shape, 2);
}

void BM_Backward(benchmark::State& state) {
  Batch b(kShapes[state.range(1)]);
  b.Forward(state.range(0));
  for (auto _ : state) {
    b.Backward(state.range(0));
    benchmark::ClobberMemory();
  }
  Finish(state, b.shape, 4);
}

// Every kind in the default shape, the first in every shape.
void KindsAndShapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"kind", "shape"});
  for (size_t kind = 0; kind < AttentionKinds().size(); ++kind) {
    b->Args({static_cast<int64_t>(kind), 0});
  }
  for (int64_t shape = 1; shape < std::end(kShapes) - kShapes; ++shape) {
    b->Args({0, shape});
  }
}

BENCHMARK(BM_Forward)->Apply(KindsAndShapes);
BENCHMARK(BM_Backward)->Apply(KindsAndShapes);

}  // namespace
}  // namespace polarize
