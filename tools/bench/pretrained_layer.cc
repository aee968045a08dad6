// One layer of the 7B models of Fig. 7, real sizes and random weights, against
// what the CPU's multiply-adds reach in registers; both measured in turns, in
// CPU time, so that busy neighbours disturb both alike.
//
//   bazel run -c opt //tools/bench:pretrained_layer -- [--threads=2] [--small]
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "experiments/pretrained/model/forward.h"
#include "experiments/pretrained/model/head_statistics.h"
#include "experiments/run/thread_team.h"
#include "kernels/base/isa.h"
#include "tools/bench/machine.h"

ABSL_FLAG(int, prompts, 16, "prompts of the batch");
ABSL_FLAG(int, positions, 256, "tokens of a prompt");
ABSL_FLAG(int, threads, 1, "threads");
ABSL_FLAG(int, rounds, 3, "turns of which the median counts");
ABSL_FLAG(bool, small, false, "small sizes: only to see that it runs");

namespace polarize {
namespace {

struct Seconds {
  double cpu, wall;
};

Seconds Now() {
  timespec cpu;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  const auto wall = std::chrono::steady_clock::now().time_since_epoch();
  return {static_cast<double>(cpu.tv_sec) + 1e-9 * cpu.tv_nsec,
          std::chrono::duration<double>(wall).count()};
}

template <class Work>
Seconds Time(Work work) {
  const Seconds start = Now();
  work();
  const Seconds end = Now();
  return {end.cpu - start.cpu, end.wall - start.wall};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct RandomLayer {
  std::vector<float> scale, of_head;
  std::array<std::vector<float>, 7> matrices;
  LayerWeights weights;

  explicit RandomLayer(const PretrainedSizes& s)
      : scale(s.embed_dim, 1.0f), of_head(s.head_dim, 1.2f) {
    const size_t d = s.embed_dim, a = s.attention_dim(), f = s.ffn_dim;
    weights.attention_prenorm = weights.attention_postnorm =
        weights.ffn_prenorm = weights.ffn_postnorm = scale;
    weights.query_norm = weights.key_norm = of_head;
    uint32_t state = 1;
    Fill(0, d, a, state, weights.q);
    Fill(1, d, a, state, weights.k);
    Fill(2, d, a, state, weights.v);
    Fill(3, a, d, state, weights.o);
    Fill(4, d, f, state, weights.gate);
    Fill(5, d, f, state, weights.up);
    Fill(6, f, d, state, weights.down);
  }
  void Fill(size_t index, size_t rows, size_t cols, uint32_t& state,
            WeightMatrix& matrix) {
    std::vector<float>& values = matrices[index];
    values.resize(rows * cols);
    for (float& v : values) {
      state = state * 1664525u + 1013904223u;
      v = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-36f;
    }
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.f32 = values;
  }
};

// Multiply-adds per CPU second of one thread; 0 where there is no instruction.
double Peak(ProductPrecision precision, ThreadTeam& team) {
  const size_t calls = absl::GetFlag(FLAGS_small) ? 1 : 40;
  bool exists = true;
  const Seconds t = Time([&] {
    team.Run(team.threads(), [&](size_t) {
      float x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
      for (size_t i = 0; i < calls; ++i) {
        if (precision == ProductPrecision::kF32) {
          MultiplyAdds(x);
        } else if (!BFloat16MultiplyAdds(x)) {
          exists = false;
        }
      }
    });
  });
  if (!exists) return 0;
  return static_cast<double>(team.threads() * calls * kPeakMultiplyAdds) /
         t.cpu;
}

// Both products of attention, without the keys after a query.
double AttentionMultiplyAdds(const PretrainedSizes& sizes, double positions) {
  return positions * (positions + 1) *
         static_cast<double>(sizes.attention_dim());
}

struct Result {
  double rate = 0, peak = 0, share = 0, load = 0;
};

Result Measure(const PretrainedSizes& sizes, const RandomLayer& layer,
               ProductPrecision precision, const Prompts& prompts,
               ThreadTeam& team) {
  ForwardOptions options;
  options.precision = precision;
  options.threads = team.threads();
  auto forward = PretrainedForward::Create(sizes, options, prompts);
  if (!forward.ok()) {
    std::fprintf(stderr, "%s\n", forward.status().ToString().c_str());
    std::exit(1);
  }
  std::vector<float> table(sizes.vocab * sizes.embed_dim);
  for (size_t i = 0; i < table.size(); ++i) table[i] = 0.01f * (i % 211) - 1;
  WeightMatrix embedding;
  embedding.rows = sizes.vocab;
  embedding.cols = sizes.embed_dim;
  embedding.f32 = table;
  (void)(*forward)->Embed(embedding, team);
  const Seconds load =
      Time([&] { (void)(*forward)->LoadLayer(0, layer.weights, team); });
  HeadStatistics heads(sizes, prompts);
  double multiply_adds =
      static_cast<double>(LayerProducts(sizes, precision).MultiplyAdds(false)) *
      static_cast<double>(prompts.rows());
  for (size_t p = 0; p < prompts.size(); ++p) {
    multiply_adds +=
        AttentionMultiplyAdds(sizes, static_cast<double>(prompts.length(p)));
  }
  std::vector<double> rates, peaks, shares;
  double before = Peak(precision, team);
  for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
    const Seconds t = Time([&] { (*forward)->RunLoadedLayer(&heads, team); });
    const double after = Peak(precision, team);
    rates.push_back(multiply_adds / t.cpu);
    peaks.push_back((before + after) / 2);
    shares.push_back(rates.back() / peaks.back());
    absl::PrintF(
        "  round %d: %.1f CPU s, %.1f s; %.1f of %.1f GFLOP/s a core, %.1f "
        "%%\n",
        round + 1, t.cpu, t.wall, 2e-9 * rates.back(), 2e-9 * peaks.back(),
        100 * shares.back());
    std::fflush(stdout);
    before = after;
  }
  return {Median(rates), Median(peaks), Median(shares), load.cpu};
}

void Report(const char* name, const PretrainedSizes& sizes, size_t positions,
            const Result& r) {
  const double per_row =
      static_cast<double>(
          LayerProducts(sizes, ProductPrecision::kF32).MultiplyAdds(false)) +
      AttentionMultiplyAdds(sizes, static_cast<double>(positions)) /
          static_cast<double>(positions);
  const double last = static_cast<double>(
      LayerProducts(sizes, ProductPrecision::kF32).MultiplyAdds(true));
  constexpr double kLayers = 32;
  const double rows = 1000 * static_cast<double>(positions);
  const double seconds =
      rows * ((kLayers - 1) * per_row + last) / r.rate + kLayers * r.load;
  absl::PrintF(
      "%s: %.1f %% of the peak, packing a layer %.1f s; 1000 prompts through "
      "32 layers: %.1f h on 2 cores, %.0f min on 64\n",
      name, 100 * r.share, r.load, seconds / 3600 / 2, seconds / 60 / 64);
}

int Main() {
  PretrainedSizes sizes = {2, 4096, 32, 128, 11008, 512};
  size_t count = absl::GetFlag(FLAGS_prompts),
         positions = absl::GetFlag(FLAGS_positions);
  if (absl::GetFlag(FLAGS_small)) {
    sizes = {2, 64, 4, 16, 100, 50};
    count = 3;
    positions = 20;
  }
  std::vector<std::vector<int32_t>> ids(count);
  for (size_t p = 0; p < count; ++p) {
    for (size_t i = 0; i < positions; ++i) {
      ids[p].push_back(
          static_cast<int32_t>(1 + (p * 31 + i * 7) % (sizes.vocab - 1)));
    }
  }
  const absl::StatusOr<Prompts> prompts = Prompts::Create(ids, sizes.vocab);
  auto team = ThreadTeam::Create(absl::GetFlag(FLAGS_threads));
  if (!prompts.ok() || !team.ok()) {
    std::fprintf(stderr, "cannot start\n");
    return 1;
  }
  absl::PrintF(
      "%d prompts of %d tokens, width %d, %d heads, FFN %d; %s, %d "
      "thread%s\n",
      count, positions, sizes.embed_dim, sizes.heads, sizes.ffn_dim,
      ChosenTargetName(), (*team)->threads(),
      (*team)->threads() == 1 ? "" : "s");
  const RandomLayer layer(sizes);
  for (const auto& [name, precision] :
       {std::make_pair("float32", ProductPrecision::kF32),
        std::make_pair("bfloat16", ProductPrecision::kBF16)}) {
    if (Peak(precision, **team) == 0) {
      absl::PrintF("%s: no instruction on this CPU\n", name);
      continue;
    }
    absl::PrintF("%s\n", name);
    Report(name, sizes, positions,
           Measure(sizes, layer, precision, *prompts, **team));
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  absl::PrintF(
      "largest memory %.2f GB, of which %.2f GB are the test's own "
      "copy of the weights\n",
      1e-6 * 1.024 * static_cast<double>(usage.ru_maxrss),
      4e-9 * static_cast<double>(LayerProducts(sizes, ProductPrecision::kF32)
                                     .MultiplyAdds(false)));
  return 0;
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return polarize::Main();
}
