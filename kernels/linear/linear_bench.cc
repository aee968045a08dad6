// Products of the model's shapes, as FLOP/s of the fastest call and as percent
// of the peak: what multiply-adds reach between registers alone.
//
// Other programs on the machine slow some calls down and not the fastest one.
#include <algorithm>
#include <chrono>

#include "benchmark/benchmark.h"
#include "kernels/base/simd_targets.h"
#include "kernels/linear/linear.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear/linear_bench.cc"
#include "hwy/aligned_allocator.h"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// FLOP of `rounds` rounds of multiply-adds in chains that do not depend on each
// other, more of them than their latency hides.
double MultiplyAdds(size_t rounds) {
  const hn::CappedTag<float, 16> d;
  const auto a = hn::Set(d, 0.5f), b = hn::Set(d, 0.25f);
  // Different from each other, or a compiler makes one chain of them.
  auto s0 = hn::Set(d, 0.0f), s1 = hn::Set(d, 1.0f), s2 = hn::Set(d, 2.0f);
  auto s3 = hn::Set(d, 3.0f), s4 = hn::Set(d, 4.0f), s5 = hn::Set(d, 5.0f);
  auto s6 = hn::Set(d, 6.0f), s7 = hn::Set(d, 7.0f), s8 = hn::Set(d, 8.0f);
  auto s9 = hn::Set(d, 9.0f);
  for (size_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, a, b);
    s1 = hn::MulAdd(s1, a, b);
    s2 = hn::MulAdd(s2, a, b);
    s3 = hn::MulAdd(s3, a, b);
    s4 = hn::MulAdd(s4, a, b);
    s5 = hn::MulAdd(s5, a, b);
    s6 = hn::MulAdd(s6, a, b);
    s7 = hn::MulAdd(s7, a, b);
    s8 = hn::MulAdd(s8, a, b);
    s9 = hn::MulAdd(s9, a, b);
  }
  HWY_ALIGN float sink[16];
  for (const auto& s : {s0, s1, s2, s3, s4, s5, s6, s7, s8, s9}) {
    hn::Store(s, d, sink);
    benchmark::DoNotOptimize(sink);
  }
  return 2.0 * 10 * rounds * hn::Lanes(d);
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {
namespace {

HWY_EXPORT(MultiplyAdds);

// Arrays as the model's plan aligns them.
class Floats {
 public:
  explicit Floats(size_t n, float value = 0)
      : data_(hwy::AllocateAligned<float>(n)), size_(n) {
    std::fill_n(data_.get(), n, value);
  }
  float* data() { return data_.get(); }
  size_t size() const { return size_; }

 private:
  hwy::AlignedFreeUniquePtr<float[]> data_;
  size_t size_;
};

class Stopwatch {
 public:
  void Start() { start_ = Clock::now(); }
  void Stop() {
    const std::chrono::duration<double> taken = Clock::now() - start_;
    fastest_ = std::min(fastest_, taken.count());
  }
  double fastest() const { return fastest_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
  double fastest_ = 1e9;
};

double PeakFlops() {
  static double peak = 0;
  for (int i = 0; i < 20; ++i) {
    Stopwatch watch;
    watch.Start();
    const double flops = HWY_DYNAMIC_DISPATCH(MultiplyAdds)(4000);
    watch.Stop();
    peak = std::max(peak, flops / watch.fastest());
  }
  return peak;
}

void Report(benchmark::State& state, double flops, const Stopwatch& watch) {
  state.counters["FLOP/s"] = flops / watch.fastest();
  state.counters["%peak"] = 100 * flops / watch.fastest() / PeakFlops();
}

// Calls product(shape's arrays) and reports.
template <class Product>
void Run(benchmark::State& state, const Product& product) {
  const size_t rows = state.range(0);
  const size_t inner = state.range(1), outer = state.range(2);
  const double flops = 2.0 * rows * inner * outer;
  // A call should be long enough for the clock.
  const int calls = std::max(1, static_cast<int>(5e6 / flops));
  Stopwatch watch;
  for (auto _ : state) {
    watch.Start();
    for (int i = 0; i < calls; ++i) product();
    watch.Stop();
  }
  Report(state, calls * flops, watch);
}

void BM_Forward(benchmark::State& state) {
  const size_t rows = state.range(0);
  const size_t inner = state.range(1), outer = state.range(2);
  Floats x(rows * inner, 0.5f), w(inner * outer, 0.25f);
  Floats packed(PackedWeightSize(inner, outer)), b(outer, 1.0f);
  Floats y(rows * outer);
  SerialFor serial;
  PackForForward(w.data(), inner, outer, packed.data());
  Run(state, [&] {
    LinearForward<float>(x.data(), rows, packed.data(), b.data(), nullptr,
                         inner, outer, y.data(), serial);
    benchmark::DoNotOptimize(y.data());
  });
}

void BM_InputGradient(benchmark::State& state) {
  const size_t rows = state.range(0);
  const size_t inner = state.range(1), outer = state.range(2);
  Floats dy(rows * outer, 0.5f), w(inner * outer, 0.25f);
  Floats packed(PackedWeightSize(outer, inner));
  Floats dx(rows * inner);
  SerialFor serial;
  PackForInputGradient(w.data(), inner, outer, packed.data());
  Run(state, [&] {
    LinearInputGradient<float>(dy.data(), rows, packed.data(), nullptr, inner,
                               outer, dx.data(), serial);
    benchmark::DoNotOptimize(dx.data());
  });
}

void BM_WeightGradient(benchmark::State& state) {
  const size_t rows = state.range(0);
  const size_t inner = state.range(1), outer = state.range(2);
  Floats x(rows * inner, 0.5f), dy(rows * outer, 0.25f);
  Floats dw(inner * outer), db(outer);
  SerialFor serial;
  Run(state, [&] {
    LinearWeightGradient(x.data(), dy.data(), rows, inner, outer, dw.data(),
                         db.data(), serial);
    benchmark::DoNotOptimize(dw.data());
  });
}

// Both packings of a weight, in elements a second.
void BM_Pack(benchmark::State& state) {
  const size_t inner = state.range(0), outer = state.range(1);
  Floats w(inner * outer, 0.25f);
  Floats packed(PackedWeightSize(inner, outer));
  Floats back(PackedWeightSize(outer, inner));
  for (auto _ : state) {
    PackForForward(w.data(), inner, outer, packed.data());
    PackForInputGradient(w.data(), inner, outer, back.data());
    benchmark::DoNotOptimize(packed.data());
    benchmark::DoNotOptimize(back.data());
  }
  state.SetItemsProcessed(state.iterations() * 2 * w.size());
}

void ModelShapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "inner", "outer"});
  // 256 * 12: the rows of a default training batch.
  for (int rows : {44, 500, 256 * 12}) {
    b->Args({rows, 128, 128})->Args({rows, 128, 512})->Args({rows, 512, 128});
    b->Args({rows, 128, 100})->Args({rows, 64, 64});
  }
  b->Args({1000, 512, 512})->Args({4096, 256, 256});
}

BENCHMARK(BM_Forward)->Apply(ModelShapes);
BENCHMARK(BM_InputGradient)->Apply(ModelShapes);
BENCHMARK(BM_WeightGradient)->Apply(ModelShapes);
BENCHMARK(BM_Pack)->Args({128, 128})->Args({128, 512})->Args({512, 128});

}  // namespace
}  // namespace polarize
#endif
