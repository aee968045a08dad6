// Steps per second of the instance for any form, at the sizes of section 3.
#include <cstddef>

#include "benchmark/benchmark.h"
#include "hwy/aligned_allocator.h"
#include "kernels/base/arena.h"
#include "kernels/value_softmax/value_softmax.h"

namespace polarize {
namespace {

using Map = ValueSoftmaxMap;
using Loss = ValueSoftmaxLoss;
using Optimiser = ValueSoftmaxOptimiser;

// Small numbers of both signs that do not repeat soon.
double Number(size_t i) { return (i * 37 % 101) / 100.0 - 0.5; }

void WriteProblem(ValueSoftmax& m) {
  const size_t f = m.form.features, k = m.form.latent;
  for (size_t i = 0; i < f; ++i) {
    m.target[i] = m.form.loss == Loss::kCrossEntropy ? i == 0 : Number(i + 7);
  }
  for (size_t j = 0; j < k; ++j) {
    for (size_t i = 0; i < f; ++i) {
      m.point[j * m.value_stride() + i] = Number(j * f + i);
    }
    m.attention()[j] = Number(3 * j);
  }
  if (m.gram == nullptr) return;
  for (size_t i = 0; i < f; ++i) m.gram[i * m.value_stride() + i] = 1;
}

void Step(benchmark::State& state, const ValueSoftmaxForm& form) {
  ValueSoftmax m;
  m.form = form;
  Arena measure(nullptr, 0);
  LayOut(measure, m);
  const size_t size = measure.used() / sizeof(double);
  const auto block = hwy::AllocateAligned<double>(size);
  for (size_t i = 0; i < size; ++i) block[i] = 0;
  Arena arena(block.get(), measure.used());
  LayOut(arena, m);
  WriteProblem(m);
  // So small a rate that the last step is as the first.
  const ValueSoftmaxRates rates = {1e-9, 0.9, 0.9, 0.999, 1e-8};
  constexpr size_t kSteps = 100;
  size_t taken = 0;
  for (auto _ : state) taken += Descend(m, rates, kSteps);
  if (taken != state.iterations() * kSteps) state.SkipWithError("not finite");
  state.SetItemsProcessed(taken);
}

void Bench(const char* name, Map map, Loss loss, bool tied, size_t size,
           Optimiser optimiser = Optimiser::kGradientDescent) {
  const ValueSoftmaxForm form = {map, loss, optimiser, tied, size, size};
  benchmark::RegisterBenchmark(
      name, [form](benchmark::State& state) { Step(state, form); });
}

const bool kRegistered = [] {
  const Map softmax = Map::kSoftmax;
  Bench("Logistic/8", softmax, Loss::kLogistic, false, 8);
  Bench("CrossEntropy/10", softmax, Loss::kCrossEntropy, false, 10);
  Bench("Regression/20", softmax, Loss::kRegression, false, 20);
  Bench("LogisticTied/100", softmax, Loss::kLogistic, true, 100);
  Bench("GradientDescent/10", softmax, Loss::kSquare, false, 10);
  Bench("Momentum/10", softmax, Loss::kSquare, false, 10, Optimiser::kMomentum);
  Bench("Adam/10", softmax, Loss::kSquare, false, 10, Optimiser::kAdam);
  Bench("SignDescent/10", softmax, Loss::kSquare, false, 10,
        Optimiser::kSignDescent);
  return true;
}();

}  // namespace
}  // namespace polarize
