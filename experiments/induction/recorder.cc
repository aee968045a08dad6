#include "experiments/induction/recorder.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/induction/intervention_chart.h"
#include "experiments/model/optimiser_config.h"
#include "experiments/run/csv.h"
#include "experiments/run/figures.h"
#include "experiments/run/file.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

// The paper's threshold of a sink.
constexpr double kSinkThreshold = 0.9;

// Losses of steps to have memory for from the start: the paper's runs have 3910
// steps.
constexpr size_t kMostReserved = size_t{1} << 20;

}  // namespace

InductionRecorder::InductionRecorder(const InductionSetup& setup,
                                     RunRecord record)
    : setup_(setup), record_(std::move(record)) {
  for (size_t l = 0; l < setup.model.layers; ++l) {
    for (size_t h = 0; h < setup.model.heads; ++h) {
      for (const HeadStatistic& s : kHeadStatistics) {
        statistic_keys_.push_back(StatisticKey(l, h, s.name));
      }
    }
  }
}

absl::StatusOr<InductionRecorder> InductionRecorder::Create(
    const RunFolder& folder, const InductionSetup& setup, size_t steps) {
  absl::StatusOr<RunRecord> record = RunRecord::Create(folder);
  if (!record.ok()) return record.status();
  InductionRecorder recorder(setup, *std::move(record));
  // A run that is expected to go on for ever may be ended before it does.
  recorder.losses_.reserve(std::min(steps, kMostReserved));
  return recorder;
}

absl::Status InductionRecorder::Step(int64_t step, int64_t epoch,
                                     const InductionLoss& loss) {
  const bool trigger = setup_.task.kind == TaskKind::kTrigger;
  losses_.emplace_back(step, loss.total);
  values_ = {{"train/step_loss", loss.total}};
  // Of no weight, it need not have been computed.
  if (setup_.aux_loss_weight != 0) {
    values_.push_back(
        {trigger ? "train/step_loss_noop" : "train/step_loss_start",
         loss.start});
  }
  values_.push_back(
      {trigger ? "train/step_loss_trigger" : "train/step_loss_main",
       loss.main});
  if (!IsConstant(setup_.optimiser.schedule)) {
    values_.push_back({"train/lr", LearningRate(setup_.optimiser, step)});
  }
  return record_.Write(step, epoch, values_);
}

absl::Status InductionRecorder::Epoch(int64_t step, int64_t epoch,
                                      double train_loss,
                                      const InductionEvaluation& evaluation) {
  SetValues(evaluation);
  values_.insert(values_.begin(), {"train/loss", train_loss});
  return record_.Write(step, epoch, values_);
}

void InductionRecorder::SetValues(const InductionEvaluation& evaluation) {
  values_.clear();
  for (const EvaluationValue& v : EvaluationValues(setup_.task.kind)) {
    values_.push_back({v.name, v.value(evaluation)});
  }
}

void InductionRecorder::SetValues(const InductionPoint& point) {
  SetValues(point.evaluation);
  for (size_t i = 0; i < statistic_keys_.size(); ++i) {
    const HeadStatistics& head = point.heads[i / kHeadStatistics.size()];
    const HeadStatistic& s = kHeadStatistics[i % kHeadStatistics.size()];
    values_.push_back({statistic_keys_[i], head.*s.value});
  }
}

absl::Status InductionRecorder::Statistics(int64_t epoch,
                                           InductionPoint point) {
  SetValues(point);
  last_epoch_ = epoch;
  points_.push_back(std::move(point));
  return record_.Write(points_.back().step, epoch, values_);
}

absl::Status InductionRecorder::Interventions(
    std::vector<InterventionPoint> points) {
  interventions_ = std::move(points);
  if (interventions_.empty()) return absl::OkStatus();
  CsvTable table;
  table.columns = {"intervention"};
  const auto add_row = [&](const std::string& name) {
    table.rows.push_back({name});
    for (const NamedValue& v : values_) {
      if (table.rows.size() == 1) table.columns.emplace_back(v.name);
      table.rows.back().push_back(
          std::isnan(v.value) ? "" : absl::StrFormat("%.17g", v.value));
    }
  };
  SetValues(points_.back());
  add_row("none");
  for (const InterventionPoint& p : interventions_) {
    SetValues(p.point);
    add_row(p.intervention.name);
    std::vector<std::string> names;
    for (const NamedValue& v : values_) {
      names.push_back(
          absl::StrCat("intervention/", p.intervention.name, "/", v.name));
    }
    for (size_t i = 0; i < names.size(); ++i) values_[i].name = names[i];
    const absl::Status status =
        record_.Write(p.point.step, last_epoch_, values_);
    if (!status.ok()) return status;
  }
  return WriteFileWhole(record_.folder().File("interventions.csv"),
                        CsvText(table));
}

namespace {

// One line per head of the sink layer over the points.
std::vector<Series> HeadSeries(const ModelConfig& model,
                               const std::vector<InductionPoint>& points,
                               double HeadStatistics::*value) {
  std::vector<Series> series(model.heads);
  for (size_t h = 0; h < model.heads; ++h) {
    series[h].label = absl::StrCat("head ", h);
    for (const InductionPoint& p : points) {
      series[h].x.push_back(static_cast<double>(p.step));
      series[h].y.push_back(p.heads[SinkLayer(model) * model.heads + h].*value);
    }
  }
  return series;
}

LineChart LossChart(const std::vector<std::pair<int64_t, double>>& losses,
                    const std::vector<InductionPoint>& points,
                    const InductionLevels& levels) {
  LineChart chart;
  chart.name = "loss";
  chart.title = "Loss";
  chart.x_label = "step";
  chart.y_label = "cross entropy (nats)";
  chart.log_x = true;
  Series train{"training batch", {}, {}}, eval{"evaluation", {}, {}};
  for (const auto& [step, loss] : losses) {
    train.x.push_back(static_cast<double>(step));
    train.y.push_back(loss);
  }
  for (const InductionPoint& p : points) {
    eval.x.push_back(static_cast<double>(p.step));
    eval.y.push_back(p.evaluation.loss.total);
  }
  if (!train.x.empty()) chart.series.push_back(train);
  chart.series.push_back(eval);
  chart.references = {
      {absl::StrFormat("floor %.4f", levels.loss_floor), levels.loss_floor}};
  return chart;
}

// Names the tokens of an input as the task does: the start, ids, the query, the
// trigger.
std::vector<std::string> TokenLabels(const InductionTask& task,
                                     const int32_t* input, size_t positions) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < positions; ++i) {
    const auto id = static_cast<uint32_t>(input[i]);
    if (i == 0 && task.begin_token) {
      labels.push_back("BOS");
    } else if (task.kind == TaskKind::kTrigger && id == task.vocab_size) {
      labels.push_back("!");
    } else if (id >= task.vocab_size) {
      labels.push_back(absl::StrCat(id - task.vocab_size, "?"));
    } else {
      labels.push_back(absl::StrCat(id));
    }
  }
  return labels;
}

}  // namespace

absl::StatusOr<std::string> InductionRecorder::Draw(
    const InductionData& data, const InductionLevels& levels,
    const StatisticsObserver<float>& observer, size_t maps) {
  absl::StatusOr<Figures> figures = Figures::Create(record_.folder().path());
  if (!figures.ok()) return figures.status();
  const ModelConfig& model = setup_.model;
  const AttentionKind& kind = AttentionKinds()[model.attention_kind];

  absl::Status status = figures->Draw(LossChart(losses_, points_, levels));
  const std::string where = absl::StrCat(", layer ", SinkLayer(model));
  const double chance =
      kind.normalised ? levels.sink_normalised : levels.sink_unnormalised;
  LineChart sink;
  sink.name = "sink_score";
  sink.title = absl::StrCat("Sink score", where);
  sink.x_label = "step";
  sink.y_label = setup_.task.begin_token ? "share of attention on BOS"
                                         : "share of attention on position 0";
  sink.log_x = true;
  sink.series =
      HeadSeries(model, points_, &HeadStatistics::rel_attn_bos_global);
  sink.references = {{"sink above 0.9", kSinkThreshold},
                     {absl::StrFormat("equal weights %.3f", chance), chance}};
  if (!kind.signed_weights) sink.y_range = {{0.0, 1.0}};
  status.Update(figures->Draw(sink));

  LineChart sums = sink;
  sums.name = "row_sum";
  sums.title = absl::StrCat("Row sums", where);
  sums.y_label = "sum of a row's weights";
  sums.series = HeadSeries(model, points_, &HeadStatistics::abs_attn_all);
  sums.references = {{"normalised", 1.0}};
  sums.y_range.reset();
  status.Update(figures->Draw(sums));

  LineChart entropy = sums;
  entropy.name = "entropy";
  entropy.title = absl::StrCat("Entropy of attention rows", where);
  entropy.y_label = "mean entropy (nats)";
  entropy.series = HeadSeries(model, points_, &HeadStatistics::entropy);
  entropy.references = {{"one-hot", 0.0}};
  status.Update(figures->Draw(entropy));

  for (size_t s = 0; s < maps; ++s) {
    AttentionMaps picture;
    picture.name = absl::StrCat("attention_sample", s);
    picture.title =
        absl::StrCat(kind.name, " attention, evaluation sample ", s);
    picture.layers = model.layers;
    picture.heads = model.heads;
    picture.tokens =
        TokenLabels(setup_.task, data.eval.Input(s), model.positions);
    for (size_t l = 0; l < model.layers; ++l) {
      for (size_t h = 0; h < model.heads; ++h) {
        const absl::Span<const float> map = observer.maps().Map(s, l, h);
        picture.weights.insert(picture.weights.end(), map.begin(), map.end());
      }
    }
    picture.scale = kind.signed_weights ? WeightScale::kSigned
                    : kind.normalised   ? WeightScale::kUnit
                                        : WeightScale::kPositive;
    status.Update(figures->Draw(picture));
  }
  if (!interventions_.empty()) {
    status.Update(figures->Draw(
        InterventionChart(setup_.task.kind, points_.back(), interventions_)));
  }
  if (!status.ok()) return status;
  return figures->Notice();
}

}  // namespace polarize
