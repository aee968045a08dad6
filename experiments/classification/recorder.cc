#include "experiments/classification/recorder.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/run/figures.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

// Curves of one chart that can still be told apart.
constexpr size_t kMostCurves = 16;

using NamedNumbers = std::vector<std::pair<std::string, double>>;

std::vector<NamedValue> Views(const NamedNumbers& numbers) {
  std::vector<NamedValue> views;
  for (const auto& [name, value] : numbers) views.push_back({name, value});
  return views;
}

LineChart StepChart(std::string name, std::string title, std::string y_label) {
  LineChart chart;
  chart.name = std::move(name);
  chart.title = std::move(title);
  chart.x_label = "step";
  chart.y_label = std::move(y_label);
  chart.log_x = true;
  return chart;
}

// One line per head over the points.
std::vector<Series> HeadSeries(const ModelConfig& model,
                               const std::vector<ClassificationPoint>& points,
                               double ClsStatistics::*value) {
  std::vector<Series> series;
  for (size_t l = 0; l < model.layers; ++l) {
    for (size_t h = 0; h < model.heads && series.size() < kMostCurves; ++h) {
      Series head{absl::StrCat("layer ", l, " head ", h), {}, {}};
      for (const ClassificationPoint& p : points) {
        head.x.push_back(static_cast<double>(p.step));
        head.y.push_back(p.heads[l * model.heads + h].*value);
      }
      series.push_back(std::move(head));
    }
  }
  return series;
}

LineChart LossChart(const std::vector<std::pair<int64_t, double>>& losses,
                    const std::vector<ClassificationPoint>& points) {
  LineChart chart = StepChart("loss", "Loss", "cross entropy (nats)");
  Series train{"training batch", {}, {}}, eval{"evaluation", {}, {}};
  for (const auto& [step, loss] : losses) {
    train.x.push_back(static_cast<double>(step));
    train.y.push_back(loss);
  }
  for (const ClassificationPoint& p : points) {
    eval.x.push_back(static_cast<double>(p.step));
    eval.y.push_back(p.evaluation.loss);
  }
  if (!train.x.empty()) chart.series.push_back(train);
  chart.series.push_back(eval);
  return chart;
}

AttentionMaps MapsOf(const ModelConfig& model, const int32_t* tokens,
                     const KeptMaps& kept, size_t sample) {
  const AttentionKind& kind = AttentionKinds()[model.attention_kind];
  AttentionMaps picture;
  picture.name = absl::StrCat("attention_sample", sample);
  picture.title =
      absl::StrCat(kind.name, " attention, evaluation sample ", sample);
  picture.layers = model.layers;
  picture.heads = model.heads;
  for (size_t t = 0; t < model.positions; ++t) {
    picture.tokens.push_back(tokens[t] == 0 ? "CLS" : absl::StrCat(tokens[t]));
  }
  for (size_t l = 0; l < model.layers; ++l) {
    for (size_t h = 0; h < model.heads; ++h) {
      const absl::Span<const float> map = kept.Map(sample, l, h);
      picture.weights.insert(picture.weights.end(), map.begin(), map.end());
    }
  }
  picture.scale = kind.signed_weights ? WeightScale::kSigned
                  : kind.normalised   ? WeightScale::kUnit
                                      : WeightScale::kPositive;
  return picture;
}

}  // namespace

ClassificationRecorder::ClassificationRecorder(const ClassificationSetup& setup,
                                               const DistinctCounts& distinct,
                                               RunRecord record)
    : setup_(setup), distinct_(distinct), record_(std::move(record)) {
  for (size_t l = 0; l < setup.model.layers; ++l) {
    for (size_t h = 0; h < setup.model.heads; ++h) {
      for (const ClsStatistic& s : kClsStatistics) {
        statistic_keys_.push_back(StatisticKey(l, h, s.name));
      }
    }
  }
}

absl::StatusOr<ClassificationRecorder> ClassificationRecorder::Create(
    const RunFolder& folder, const ClassificationSetup& setup,
    const DistinctCounts& distinct) {
  absl::StatusOr<RunRecord> record = RunRecord::Create(folder);
  if (!record.ok()) return record.status();
  return ClassificationRecorder(setup, distinct, *std::move(record));
}

absl::Status ClassificationRecorder::Step(int64_t step, int64_t epoch,
                                          double loss,
                                          absl::optional<double> v_proj_norm) {
  losses_.emplace_back(step, loss);
  std::vector<NamedValue> values = {{"train/step_loss", loss}};
  if (v_proj_norm.has_value()) values.push_back({"v_proj_norm", *v_proj_norm});
  if (!IsConstant(setup_.optimiser.schedule)) {
    values.push_back({"train/lr", LearningRate(setup_.optimiser, step)});
  }
  return record_.Write(step, epoch, values);
}

absl::Status ClassificationRecorder::Epoch(
    int64_t step, int64_t epoch, double train_loss,
    const ClassificationEvaluation& evaluation) {
  return record_.Write(
      step, epoch,
      {{"train/loss", train_loss},
       {"eval/loss", evaluation.loss},
       {"eval/acc", evaluation.acc},
       {"train/distinct_inputs", static_cast<double>(distinct_.train)},
       {"eval/distinct_inputs", static_cast<double>(distinct_.eval)}});
}

absl::Status ClassificationRecorder::Statistics(int64_t epoch,
                                                ClassificationPoint point) {
  std::vector<NamedValue> values = {
      {"eval/loss", point.evaluation.loss},
      {"eval/acc", point.evaluation.acc},
      {"eval/distinct_inputs", static_cast<double>(distinct_.eval)}};
  for (size_t i = 0; i < statistic_keys_.size(); ++i) {
    const ClsStatistics& head = point.heads[i / kClsStatistics.size()];
    const ClsStatistic& s = kClsStatistics[i % kClsStatistics.size()];
    values.push_back({statistic_keys_[i], head.*s.value});
  }
  points_.push_back(std::move(point));
  return record_.Write(points_.back().step, epoch, values);
}

absl::Status ClassificationRecorder::Mixing(
    int64_t step, int64_t epoch, const std::vector<MixingResult>& results) {
  NamedNumbers numbers;
  for (size_t i = 0; i < results.size(); ++i) {
    const MixingResult& r = results[i];
    const auto add = [&](const char* name, double value) {
      numbers.emplace_back(absl::StrCat("mixing/", i / setup_.model.heads, "_",
                                        i % setup_.model.heads, "/", name),
                           value);
    };
    add("mixed_a_predicts_top1_label",
        static_cast<double>(r.mixed_a_predicts_top1_label));
    add("mixed_b_predicts_top1_label",
        static_cast<double>(r.mixed_b_predicts_top1_label));
    add("total_pairs", static_cast<double>(r.total_pairs));
    add("distinct_pairs", static_cast<double>(r.distinct_pairs));
    add("top1_dominance_rate_a", r.rate_a());
    add("top1_dominance_rate_b", r.rate_b());
    add("avg_top1_dominance_rate", r.rate());
  }
  return record_.Write(step, epoch, Views(numbers));
}

absl::Status ClassificationRecorder::AnyToken(int64_t step, int64_t epoch,
                                              const AnyTokenResult& r) {
  return record_.Write(
      step, epoch,
      {{"any_token/inputs", static_cast<double>(r.inputs)},
       {"any_token/flipped_inputs", static_cast<double>(r.flipped_inputs)},
       {"any_token/flip_rate", r.flip_rate()},
       {"any_token/changes", static_cast<double>(r.changes)},
       {"any_token/flipped_changes", static_cast<double>(r.flipped_changes)},
       {"any_token/change_flip_rate", r.change_flip_rate()}});
}

absl::StatusOr<std::string> ClassificationRecorder::Draw(
    const ClassificationData& data, const ClsObserver<float>& observer,
    size_t maps, const SampleTracker* tracker) {
  absl::StatusOr<Figures> figures = Figures::Create(record_.folder().path());
  if (!figures.ok()) return figures.status();
  const ModelConfig& model = setup_.model;
  const AttentionKind& kind = AttentionKinds()[model.attention_kind];
  absl::Status status = figures->Draw(LossChart(losses_, points_));

  const double equal = 1 / static_cast<double>(model.positions);
  LineChart sparsity = StepChart("sparsity", "Sparsity score",
                                 "largest share of attention at CLS");
  sparsity.series = HeadSeries(model, points_, &ClsStatistics::rel_attn_max);
  sparsity.references = {{absl::StrFormat("equal weights %.3f", equal), equal}};
  if (!kind.signed_weights) sparsity.y_range = {{0.0, 1.0}};
  status.Update(figures->Draw(sparsity));

  LineChart sums =
      StepChart("row_sum", "Row sums at CLS", "sum of a row's weights");
  sums.series = HeadSeries(model, points_, &ClsStatistics::abs_attn_sum);
  sums.references = {{"normalised", 1.0}};
  status.Update(figures->Draw(sums));

  LineChart entropy = StepChart("entropy", "Entropy of attention at CLS",
                                "mean entropy (nats)");
  entropy.series = HeadSeries(model, points_, &ClsStatistics::entropy);
  entropy.references = {{"one-hot", 0.0}, {"equal weights", -std::log(equal)}};
  status.Update(figures->Draw(entropy));

  for (size_t s = 0; s < maps; ++s) {
    status.Update(
        figures->Draw(MapsOf(model, data.eval.Tokens(s), observer.maps(), s)));
  }
  for (size_t i = 0; tracker != nullptr && i < model.layers * model.heads;
       ++i) {
    status.Update(
        figures->Draw(tracker->Chart(i / model.heads, i % model.heads)));
  }
  if (!status.ok()) return status;
  return figures->Notice();
}

}  // namespace polarize
