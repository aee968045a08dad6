#include "experiments/pretrained/resume.h"

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "experiments/pretrained/model/reference_testing.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/thread_team.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

constexpr PretrainedSizes kSizes = {/*layers=*/3,   /*embed_dim=*/16,
                                    /*heads=*/2,    /*head_dim=*/8,
                                    /*ffn_dim=*/24, /*vocab=*/30};

// A run that can be stopped after any layer.
struct TestRun {
  TestRun()
      : prompts(*Prompts::Create({{3, 4, 5, 6, 7}, {}, {8, 9, 2}}, 30)),
        team(*ThreadTeam::Create(2)),
        heads(kSizes, prompts),
        residual(kSizes.layers, prompts) {
    std::mt19937 random(1);
    const OwnedMatrix embedding(random, kSizes.vocab, kSizes.embed_dim, false);
    for (size_t l = 0; l < kSizes.layers; ++l) {
      layers.emplace_back(random, kSizes, false);
    }
    ForwardOptions options;
    options.threads = 2;
    forward = *PretrainedForward::Create(kSizes, options, prompts);
    EXPECT_TRUE(forward->Embed(embedding.View(), *team).ok());
  }
  void Run(size_t first, size_t end) {
    for (size_t l = first; l < end; ++l) {
      residual.Look(l, *forward, *team);
      EXPECT_TRUE(forward->RunLayer(l, layers[l].View(), &heads, *team).ok());
      heads.FinishLayer(l);
    }
  }
  PretrainedState State() { return {*forward, heads, residual}; }
  // All statistics, as numbers.
  std::vector<double> Numbers() const {
    std::vector<double> all;
    for (size_t l = 0; l < kSizes.layers; ++l) {
      for (const double v : heads.State(l)) all.push_back(v);
      for (const double v : residual.State(l)) all.push_back(v);
      for (size_t i = 0; i < residual.positions(); ++i) {
        all.push_back(static_cast<double>(residual.At(l, i).prompts));
      }
    }
    return all;
  }

  Prompts prompts;
  std::unique_ptr<ThreadTeam> team;
  std::vector<OwnedLayer> layers;
  std::unique_ptr<PretrainedForward> forward;
  HeadStatistics heads;
  ResidualStatistics residual;
};

TEST(ResumeTest, GoingOnGivesTheSameBits) {
  const TestFolder folder;
  const std::string path = folder.path() + "/state";
  TestRun whole;
  whole.Run(0, kSizes.layers);
  for (const size_t stop : {size_t{1}, size_t{2}}) {
    TestRun first;
    first.Run(0, stop);
    ASSERT_TRUE(SaveState(path, 7, stop, first.State()).ok());
    TestRun second;
    const absl::StatusOr<size_t> layers = LoadState(path, 7, second.State());
    ASSERT_TRUE(layers.ok()) << layers.status();
    ASSERT_EQ(*layers, stop);
    second.Run(stop, kSizes.layers);
    EXPECT_EQ(second.Numbers(), whole.Numbers());
  }
}

TEST(ResumeTest, AnotherRunsStateIsLeftAlone) {
  const TestFolder folder;
  const std::string path = folder.path() + "/state";
  TestRun run;
  EXPECT_EQ(*LoadState(path, 7, run.State()), 0u);  // none
  run.Run(0, 1);
  ASSERT_TRUE(SaveState(path, 7, 1, run.State()).ok());
  TestRun other;
  const std::vector<double> before = other.Numbers();
  EXPECT_THAT(LoadState(path, 8, other.State()).status().message(),
              HasSubstr("another config"));
  EXPECT_EQ(other.Numbers(), before);
}

TEST(ResumeTest, ADamagedFileIsNamed) {
  const TestFolder folder;
  const std::string path = folder.path() + "/state";
  TestRun run;
  run.Run(0, 1);
  ASSERT_TRUE(SaveState(path, 7, 1, run.State()).ok());
  std::string bytes = *ReadFile(path, 1 << 20);
  bytes.resize(bytes.size() - 4);
  ASSERT_TRUE(WriteFileWhole(path, bytes).ok());
  EXPECT_THAT(LoadState(path, 7, run.State()).status().message(),
              HasSubstr(path));
}

TEST(ResumeTest, TheFingerprintIsOfEverything) {
  const Prompts prompts = *Prompts::Create({{3, 4}, {5}}, 30);
  const uint64_t all = PretrainedFingerprint("config", "model", prompts);
  EXPECT_EQ(PretrainedFingerprint("config", "model", prompts), all);
  EXPECT_NE(PretrainedFingerprint("confi", "gmodel", prompts), all);
  EXPECT_NE(PretrainedFingerprint("config", "other", prompts), all);
  EXPECT_NE(PretrainedFingerprint("config", "model",
                                  *Prompts::Create({{3}, {4, 5}}, 30)),
            all);
}

}  // namespace
}  // namespace polarize
