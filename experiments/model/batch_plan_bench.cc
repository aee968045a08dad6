// What planning a batch of 256 costs, beside a step's milliseconds.
#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "benchmark/benchmark.h"
#include "experiments/model/batch_plan.h"

namespace polarize {
namespace {

constexpr size_t kSequences = 256;

struct Sequences {
  std::vector<std::vector<int32_t>> tokens;
  std::vector<uint32_t> numbers;
};

// `content` distinct tokens of one of `groups` groups of `size`, token 0 before
// them or behind.
Sequences Draw(size_t content, int groups, int size, bool zero_first) {
  std::mt19937 random(5);
  std::map<std::vector<int32_t>, uint32_t> seen;
  Sequences made;
  for (size_t s = 0; s < kSequences; ++s) {
    std::vector<int32_t> tokens(size);
    const int group = static_cast<int>(random() % groups);
    for (int i = 0; i < size; ++i) tokens[i] = 1 + group * size + i;
    std::shuffle(tokens.begin(), tokens.end(), random);
    tokens.resize(content);
    tokens.insert(zero_first ? tokens.begin() : tokens.end(), 0);
    made.tokens.push_back(tokens);
    if (!zero_first) std::sort(tokens.begin(), tokens.end());
    const auto next = static_cast<uint32_t>(seen.size());
    made.numbers.push_back(seen.emplace(tokens, next).first->second);
  }
  return made;
}

void Plan(benchmark::State& state, const ModelConfig& model,
          const Scoring& scoring, const Sequences& sequences) {
  BatchPlan batch(model, kSequences, state.range(0) != 0);
  for (auto _ : state) {
    batch.Start(scoring, nullptr, 0);
    for (size_t s = 0; s < kSequences; ++s) {
      const int32_t* tokens = sequences.tokens[s].data();
      batch.Add(tokens, tokens + scoring.first, sequences.numbers[s]);
    }
    benchmark::DoNotOptimize(&batch.Finish());
  }
  state.counters["rows"] =
      static_cast<double>(batch.plan().layers.back().rows_in);
}

ModelConfig Model(size_t positions, size_t layers, bool causal) {
  ModelConfig model = {};
  model.positions = positions;
  model.layers = layers;
  model.causal = causal;
  model.positional = causal ? Positional::kConcat : Positional::kNone;
  return model;
}

void BM_Induction(benchmark::State& state) {
  Plan(state, Model(12, 2, true), {0, 1, 1}, Draw(11, 1, 49, true));
}
void BM_InductionLastPosition(benchmark::State& state) {
  Plan(state, Model(12, 2, true), {11, 0, 1}, Draw(11, 1, 49, true));
}
// vocab_size 41: four contexts.
void BM_Classification41(benchmark::State& state) {
  Plan(state, Model(11, 2, false), {10, 0, 1}, Draw(10, 4, 10, false));
}
void BM_Classification161(benchmark::State& state) {
  Plan(state, Model(11, 2, false), {10, 0, 1}, Draw(10, 4, 40, false));
}
void BM_Classification161OneLayer(benchmark::State& state) {
  Plan(state, Model(11, 1, false), {10, 0, 1}, Draw(10, 4, 40, false));
}
BENCHMARK(BM_Induction)->ArgName("sharing")->Arg(0)->Arg(1);
BENCHMARK(BM_InductionLastPosition)->ArgName("sharing")->Arg(0)->Arg(1);
BENCHMARK(BM_Classification41)->ArgName("sharing")->Arg(0)->Arg(1);
BENCHMARK(BM_Classification161)->ArgName("sharing")->Arg(0)->Arg(1);
BENCHMARK(BM_Classification161OneLayer)->ArgName("sharing")->Arg(0)->Arg(1);

}  // namespace
}  // namespace polarize
