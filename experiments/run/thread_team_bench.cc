// What Run() costs beyond its tasks.
#include <memory>

#include "benchmark/benchmark.h"
#include "experiments/run/thread_team.h"
#include "hwy/base.h"

namespace polarize {
namespace {

std::unique_ptr<ThreadTeam> Team(const benchmark::State& state) {
  auto team = ThreadTeam::Create(static_cast<size_t>(state.range(0)));
  HWY_ASSERT(team.ok());
  return *std::move(team);
}

// One empty task per thread, one run after the other.
void BM_EmptyRun(benchmark::State& state) {
  const std::unique_ptr<ThreadTeam> team = Team(state);
  for (auto _ : state) {
    team->Run(team->threads(), [](size_t i) { benchmark::DoNotOptimize(i); });
  }
  state.counters["runs/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_EmptyRun)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

// Two tasks of about 10 us each: with two threads, the time beyond one of them
// is what a run costs when there is work.
void BM_TwoShortTasks(benchmark::State& state) {
  const std::unique_ptr<ThreadTeam> team = Team(state);
  for (auto _ : state) {
    team->Run(2, [](size_t i) {
      for (int k = 0; k < 30000; ++k) benchmark::DoNotOptimize(i += k);
    });
  }
  state.counters["runs/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_TwoShortTasks)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace polarize
