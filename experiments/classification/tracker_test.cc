#include "experiments/classification/tracker.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gtest/gtest.h"
#include "kernels/base/parallel_for.h"
#include "tests/support/model_testing.h"

namespace polarize {
namespace {

ClassificationSetup TinySetup() {
  ClassificationSetup setup;
  setup.task = {
      /*num_train=*/40, /*num_eval=*/9,   /*vocab_size=*/13,
      /*seq_length=*/4, /*num_labels=*/3, /*seed=*/5};
  setup.model = TinyModel("softmax");
  setup.model.vocabulary = setup.task.vocab_size;
  setup.model.outputs = setup.task.num_labels;
  setup.model.positions = setup.task.seq_length;
  setup.model.causal = false;
  setup.model.positional = Positional::kNone;
  setup.optimiser = {1e-2, 0.9, 0.999, 1e-8, 0.01};
  // Fewer than the labels: a tracker needs more than one batch.
  setup.batch_size = 2;
  return setup;
}

std::vector<std::vector<std::string>> ReadCsv(const std::string& path) {
  const std::string text = ReadFile(path, 1 << 22).value_or("");
  EXPECT_EQ(text.substr(text.size() - 1), "\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    rows.push_back(absl::StrSplit(line, ','));
  }
  return rows;
}

double Number(const std::string& text) {
  double number = std::nan("");
  EXPECT_TRUE(absl::SimpleAtod(text, &number)) << text;
  return number;
}

// The row of CLS of one layer and head, as Predict shows it.
class ClsRow : public AttentionObserver<float> {
 public:
  ClsRow(size_t layer, size_t head) : layer_(layer), head_(head) {}
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const float> weights) override {
    if (layer == layer_ && head == head_ && row.position == 3) {
      weights_.assign(weights.begin(), weights.end());
    }
  }
  std::vector<float> weights_;

 private:
  size_t layer_, head_;
};

TEST(SampleTrackerTest, WritesAttentionAndNormAfterEveryStep) {
  const TestFolder folder;
  SerialFor serial;
  ClassificationTrainer<float> trainer(TinySetup(), serial);
  absl::StatusOr<SampleTracker> tracker =
      SampleTracker::Create(folder.path(), trainer, 2);
  ASSERT_TRUE(tracker.ok()) << tracker.status();
  trainer.StartEpoch();
  for (int step = 0; step < 2; ++step) {
    trainer.Step();
    ASSERT_TRUE(tracker->Take().ok());
  }
  ASSERT_TRUE(tracker->Finish().ok());

  const ClassificationSamples& eval = trainer.data().eval;
  const std::vector<size_t> samples = FirstOfEachLabel(eval, 3);
  ASSERT_EQ(samples.size(), 3u);
  const auto named = ReadCsv(folder.path() + "/tracking_samples.csv");
  ASSERT_EQ(named.size(), 4u);
  EXPECT_EQ(named[0][2], "token_0");
  for (size_t s = 0; s < 3; ++s) {
    EXPECT_EQ(Number(named[s + 1][0]), eval.label(samples[s]));
    EXPECT_EQ(Number(named[s + 1][1]), samples[s]);
    for (size_t t = 0; t < 4; ++t) {
      EXPECT_EQ(Number(named[s + 1][2 + t]), eval.Tokens(samples[s])[t]);
    }
  }

  // Steps, labels, layers, heads; the last step is the model's present state.
  const auto rows = ReadCsv(folder.path() + "/tracking.csv");
  ASSERT_EQ(rows.size(), 1u + 2 * 3 * 2 * 2);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"step", "label", "layer", "head",
                                               "v_proj_norm", "attn_0",
                                               "attn_1", "attn_2", "attn_3"}));
  double norm = 0;
  const LinearParameters& v = trainer.model().parameters().layers[0].v;
  for (size_t i = 0; i < v.inner * v.outer; ++i) {
    norm += std::pow(trainer.model().values()[v.weight + i], 2.0);
  }
  norm = std::sqrt(norm);
  EXPECT_NEAR(tracker->v_proj_norm(), norm, 1e-12);
  for (size_t s = 0, r = 1 + 12; s < 3; ++s) {
    for (size_t l = 0; l < 2; ++l) {
      for (size_t h = 0; h < 2; ++h, ++r) {
        EXPECT_EQ(Number(rows[r][0]), 2);
        EXPECT_EQ(Number(rows[r][1]), eval.label(samples[s]));
        EXPECT_EQ(Number(rows[r][2]), l);
        EXPECT_EQ(Number(rows[r][3]), h);
        EXPECT_EQ(Number(rows[r][4]), tracker->v_proj_norm());
        ClsRow row(l, h);
        trainer.Predict(
            1, [&](size_t) { return eval.Tokens(samples[s]); }, &row,
            [](size_t, absl::Span<const float>) {});
        for (size_t t = 0; t < 4; ++t) {
          EXPECT_EQ(static_cast<float>(Number(rows[r][5 + t])), row.weights_[t])
              << r << " " << t;
        }
      }
    }
  }
}

TEST(SampleTrackerTest, DrawsTwoLabels) {
  const TestFolder folder;
  SerialFor serial;
  ClassificationTrainer<float> trainer(TinySetup(), serial);
  absl::StatusOr<SampleTracker> tracker =
      SampleTracker::Create(folder.path(), trainer, 3);
  ASSERT_TRUE(tracker.ok());
  trainer.StartEpoch();
  for (int step = 0; step < 3; ++step) {
    trainer.Step();
    ASSERT_TRUE(tracker->Take().ok());
  }
  const PanelChart chart = tracker->Chart(1, 0);
  EXPECT_EQ(chart.name, "sample_tracking_1_0");
  EXPECT_EQ(chart.width, 3.25);
  EXPECT_EQ(chart.height, 1.3);
  ASSERT_EQ(chart.panels.size(), 2u);
  EXPECT_EQ(chart.panels[0].title, "Label 0");
  EXPECT_EQ(chart.panels[1].title, "Label 1");
  for (const PanelChart::Panel& panel : chart.panels) {
    EXPECT_TRUE(panel.log_x);
    ASSERT_EQ(panel.curves.size(), 4u);
    EXPECT_EQ(panel.curves[3].label, "CLS");
    EXPECT_EQ(panel.curves[3].color, "#8ba731");
    EXPECT_EQ(panel.curves[0].x, (std::vector<double>{1, 2, 3}));
    for (size_t i = 0; i < 3; ++i) {
      double sum = 0;
      for (const Series& series : panel.curves) sum += series.y[i];
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
}

TEST(FirstOfEachLabelTest, SkipsLabelsWithoutSamples) {
  ClassificationSamples samples(4, 3);
  const int32_t labels[] = {3, 1, 3, 1};
  for (size_t i = 0; i < 4; ++i) samples.set_label(i, labels[i]);
  EXPECT_EQ(FirstOfEachLabel(samples, 5), (std::vector<size_t>{1, 0}));
}

}  // namespace
}  // namespace polarize
