#include "experiments/classification/tracker.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/classification/tracking_chart.h"
#include "experiments/model/training_run.h"

namespace polarize {
namespace {

// Points of a curve per factor of ten in steps: more than the eye resolves.
constexpr int kDrawnPerDecade = 200;

class ClsRows : public AttentionObserver<float> {
 public:
  ClsRows(const ModelConfig& model, std::vector<float>* weights)
      : model_(model), weights_(weights) {}

  Interest InterestIn(size_t, size_t position) const override {
    return position + 1 == model_.positions ? Interest::kOwn : Interest::kNone;
  }
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const float> weights) override {
    const size_t index =
        (row.sequence * model_.layers + layer) * model_.heads + head;
    std::copy(weights.begin(), weights.end(),
              weights_->begin() + index * model_.positions);
  }

 private:
  const ModelConfig& model_;
  std::vector<float>* weights_;
};

// The shortest text that reads back as the same number.
template <typename T>
void AppendNumber(T value, std::string* text) {
  std::array<char, 32> digits;
  const std::to_chars_result end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text->append(digits.data(), end.ptr);
}

double NormOfVProj(Transformer<float>& model) {
  const LinearParameters& v = model.parameters().layers[0].v;
  double sum = 0;
  for (size_t i = 0; i < v.inner * v.outer; ++i) {
    const double w = model.values()[v.weight + i];
    sum += w * w;
  }
  return std::sqrt(sum);
}

absl::Status WriteSamples(const std::string& path,
                          const ClassificationSamples& eval,
                          const std::vector<size_t>& samples) {
  std::string text = "label,sample";
  for (size_t t = 0; t < eval.seq_length(); ++t) {
    absl::StrAppend(&text, ",token_", t);
  }
  for (const size_t sample : samples) {
    absl::StrAppend(&text, "\n", eval.label(sample), ",", sample);
    for (size_t t = 0; t < eval.seq_length(); ++t) {
      absl::StrAppend(&text, ",", eval.Tokens(sample)[t]);
    }
  }
  return WriteFileWhole(path, text + "\n");
}

}  // namespace

std::vector<size_t> FirstOfEachLabel(const ClassificationSamples& samples,
                                     size_t num_labels) {
  std::vector<size_t> first;
  for (size_t label = 0; label < num_labels; ++label) {
    size_t i = 0;
    while (i < samples.num() &&
           samples.label(i) != static_cast<int32_t>(label)) {
      ++i;
    }
    if (i < samples.num()) first.push_back(i);
  }
  return first;
}

SampleTracker::SampleTracker(ClassificationTrainer<float>& trainer,
                             AppendFile csv, size_t steps)
    : trainer_(&trainer),
      csv_(std::move(csv)),
      samples_(FirstOfEachLabel(trainer.data().eval,
                                trainer.setup().task.num_labels)) {
  const std::vector<int64_t> drawn =
      StatisticsSteps(static_cast<int64_t>(steps), kDrawnPerDecade);
  drawn_.insert(drawn.begin(), drawn.end());
}

absl::StatusOr<SampleTracker> SampleTracker::Create(
    const std::string& folder, ClassificationTrainer<float>& trainer,
    size_t steps) {
  absl::StatusOr<AppendFile> csv =
      AppendFile::Create(absl::StrCat(folder, "/tracking.csv"));
  if (!csv.ok()) return csv.status();
  SampleTracker tracker(trainer, *std::move(csv), steps);
  const ClassificationSamples& eval = trainer.data().eval;
  absl::Status status = WriteSamples(
      absl::StrCat(folder, "/tracking_samples.csv"), eval, tracker.samples_);
  std::string header = "step,label,layer,head,v_proj_norm";
  for (size_t t = 0; t < eval.seq_length(); ++t) {
    absl::StrAppend(&header, ",attn_", t);
  }
  if (status.ok()) status = tracker.csv_.Append(header + "\n");
  if (!status.ok()) return status;
  return tracker;
}

size_t SampleTracker::Index(size_t sample, size_t layer, size_t head) const {
  const ModelConfig& model = trainer_->setup().model;
  return ((sample * model.layers + layer) * model.heads + head) *
         model.positions;
}

absl::Status SampleTracker::Take() {
  const ClassificationSamples& eval = trainer_->data().eval;
  const uint64_t step = trainer_->step();
  std::vector<float> weights(Index(samples_.size(), 0, 0));
  ClsRows rows(trainer_->setup().model, &weights);
  trainer_->Predict(
      samples_.size(), [&](size_t i) { return eval.Tokens(samples_[i]); },
      &rows, [](size_t, absl::Span<const float>) {});
  norm_ = NormOfVProj(trainer_->model());
  const absl::Status status = WriteRows(step, weights);
  if (drawn_.count(static_cast<int64_t>(step)) > 0) {
    points_.push_back({step, std::move(weights)});
  }
  return status;
}

absl::Status SampleTracker::WriteRows(uint64_t step,
                                      const std::vector<float>& weights) {
  const ModelConfig& model = trainer_->setup().model;
  std::string rows;
  for (size_t s = 0; s < samples_.size(); ++s) {
    for (size_t l = 0; l < model.layers; ++l) {
      for (size_t h = 0; h < model.heads; ++h) {
        absl::StrAppend(&rows, step, ",",
                        trainer_->data().eval.label(samples_[s]), ",", l, ",",
                        h, ",");
        AppendNumber(norm_, &rows);
        for (size_t t = 0; t < model.positions; ++t) {
          rows += ',';
          AppendNumber(weights[Index(s, l, h) + t], &rows);
        }
        rows += '\n';
      }
    }
  }
  return csv_.Append(rows);
}

PanelChart SampleTracker::Chart(size_t layer, size_t head) const {
  const ClassificationSamples& eval = trainer_->data().eval;
  std::vector<TrackedSample> drawn(std::min(kDrawnLabels, samples_.size()));
  for (size_t s = 0; s < drawn.size(); ++s) {
    TrackedSample& sample = drawn[s];
    sample.label = eval.label(samples_[s]);
    const int32_t* tokens = eval.Tokens(samples_[s]);
    sample.tokens.assign(tokens, tokens + eval.seq_length());
    sample.weights.resize(sample.tokens.size());
    for (const Point& point : points_) {
      sample.steps.push_back(static_cast<double>(point.step));
      for (size_t t = 0; t < sample.tokens.size(); ++t) {
        sample.weights[t].push_back(point.weights[Index(s, layer, head) + t]);
      }
    }
  }
  return TrackingChart(absl::StrCat("sample_tracking_", layer, "_", head),
                       drawn);
}

}  // namespace polarize
