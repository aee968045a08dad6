#include "experiments/value_softmax/family_run.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "experiments/run/config.h"
#include "experiments/run/figures.h"
#include "experiments/run/file.h"
#include "experiments/run/json.h"
#include "experiments/run/run_record.h"
#include "experiments/run/safetensors.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/fixed_descents.h"
#include "experiments/value_softmax/form.h"
#include "experiments/value_softmax/history.h"
#include "experiments/value_softmax/integrator.h"
#include "experiments/value_softmax/pictures.h"
#include "experiments/value_softmax/problem.h"
#include "kernels/value_softmax/value_softmax.h"

namespace polarize {
namespace {

// Rows of a run in metrics.jsonl and TensorBoard; history_RUN.safetensors has
// all of them.
constexpr size_t kMostMetrics = 400;
// Evaluations of the gradient that a flow takes, as a guess of its cost.
constexpr double kFlowEvaluations = 1e5;

double CostOf(const RunResult& run) {
  const auto features = static_cast<double>(run.config.model().features());
  const auto latent = static_cast<double>(run.config.model().latent());
  const double steps = run.kind == RunResult::kFlow
                           ? kFlowEvaluations
                           : static_cast<double>(run.config.descent().steps());
  return steps * (300 + features * latent);
}

void RunOne(RunResult& run, RunProgress& progress) {
  const absl::Time start = absl::Now();
  if (run.kind == RunResult::kFlow) {
    FlowEnd flow = RunFlow(run.config, *run.problem, *run.history, progress);
    run.end = std::move(flow.end);
    run.integration = flow.statistics;
  } else {
    run.end = RunDescent(run.config, FixedDescents(), *run.problem,
                         *run.history, progress);
  }
  run.seconds = absl::ToDoubleSeconds(absl::Now() - start);
}

// The recorded rows, a tensor per column.
std::vector<TensorToWrite> HistoryTensors(const History& history) {
  const auto rows = static_cast<int64_t>(history.rows());
  std::vector<TensorToWrite> tensors = {
      {"step", {rows}, history.steps().data()},
      {"time", {rows}, history.times().data()}};
  for (const History::Column& column : history.columns()) {
    TensorToWrite tensor = {column.name, {rows}, column.values.data()};
    if (column.width > 1) {
      tensor.shape.push_back(static_cast<int64_t>(column.width));
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void AddProblem(const Problem& problem, std::vector<TensorToWrite>* tensors) {
  const std::vector<double>& target = problem.target();
  const std::vector<double>& design = problem.design();
  tensors->push_back(
      {"target", {static_cast<int64_t>(target.size())}, target.data()});
  if (design.empty()) return;
  const auto features = static_cast<int64_t>(problem.model().form.features);
  tensors->push_back(
      {"design",
       {static_cast<int64_t>(design.size()) / features, features},
       design.data()});
}

// V at the end, row by row.
std::vector<double> FinalValues(const RunResult& run) {
  const ValueSoftmax& model = run.problem->model();
  std::vector<double> values;
  for (size_t i = 0; i < model.form.features; ++i) {
    for (size_t j = 0; j < model.form.latent; ++j) {
      values.push_back(model.column(j)[i]);
    }
  }
  return values;
}

// For summary.json: what a run took.
JsonLine RunSummary(const RunResult& run) {
  JsonLine line;
  line.Add("state", RunStateText(run.end.state)).Add("seconds", run.seconds);
  if (run.kind != RunResult::kFlow) return line.Add("steps", run.end.steps);
  const IntegratorStatistics& flow = run.integration;
  line.Add("accepted", flow.accepted)
      .Add("rejected", flow.rejected)
      .Add("evaluations", flow.evaluations)
      .Add("stability_limited", flow.stability_limited);
  if (std::isfinite(flow.stationary_from)) {
    line.Add("stationary_from", flow.stationary_from);
  }
  return line;
}

}  // namespace

FamilyRun::FamilyRun(std::string name, ValueSoftmaxConfig config)
    : name_(std::move(name)), config_(std::move(config)) {
  if (config_.vary_size() == 2) {
    phase_ = std::make_unique<PhaseDiagram>(config_);
    bytes_ = phase_->planned_bytes();
    return;
  }
  const std::vector<Variant> variants = Variants(config_);
  for (size_t v = 0; v < variants.size(); ++v) {
    const ValueSoftmaxConfig& varied = variants[v].config;
    const std::string& label = variants[v].label;
    if (varied.descent().steps() > 0) {
      AddRun(RunResult::kDescent, v, RunLabel(label, ""), varied);
      for (const double lr : varied.descent().compare_lr()) {
        ValueSoftmaxConfig compared = varied;
        compared.mutable_descent()->set_lr(lr);
        compared.mutable_descent()->set_steps(
            StepsAtRate(varied.descent(), lr));
        AddRun(RunResult::kComparison, v,
               RunLabel(label, RateLabel(varied.descent(), lr)), compared);
      }
    }
    if (varied.flow().end_time() > 0) {
      AddRun(RunResult::kFlow, v, RunLabel(label, "flow"), varied);
    }
  }
}

void FamilyRun::AddRun(RunResult::Kind kind, size_t variant, std::string label,
                       const ValueSoftmaxConfig& config) {
  RunResult run;
  run.kind = kind;
  run.variant = variant;
  run.label = std::move(label);
  run.config = config;
  run.end.state = RunEnd::kInterrupted;  // until it has run
  run.problem = std::make_unique<Problem>(config);
  const ValueSoftmax& model = run.problem->model();
  run.start.assign(model.point, model.point + model.point_size());
  const size_t rows =
      kind == RunResult::kFlow
          ? FlowTimes(config).size()
          : RecordedSteps(config.history(), config.descent().steps()).size();
  run.history = std::make_unique<History>(*run.problem, rows);
  bytes_ += run.problem->planned_bytes() +
            sizeof(double) * rows * (2 + run.history->row_width());
  runs_.push_back(std::move(run));
}

std::vector<RunTask> FamilyRun::Tasks() {
  std::vector<RunTask> tasks;
  for (RunResult& run : runs_) {
    tasks.push_back({CostOf(run),
                     [&run](RunProgress& progress) { RunOne(run, progress); }});
  }
  for (size_t i = 0; phase_ != nullptr && i < phase_->size(); ++i) {
    const double steps =
        static_cast<double>(phase_->variant(i).config.descent().steps());
    tasks.push_back({steps * 400, [this, i](RunProgress& progress) {
                       phase_->Run(i, progress);
                     }});
  }
  return tasks;
}

size_t FamilyRun::planned_bytes(size_t threads) const {
  if (phase_ == nullptr) return bytes_;
  return bytes_ + std::min(threads, phase_->size()) * phase_->bytes_per_run();
}

size_t FamilyRun::run_count() const {
  return phase_ != nullptr ? phase_->size() : runs_.size();
}

int64_t FamilyRun::steps() const {
  int64_t steps = 0;
  for (const RunResult& run : runs_) {
    if (run.kind != RunResult::kFlow) steps += run.config.descent().steps();
  }
  for (size_t i = 0; phase_ != nullptr && i < phase_->size(); ++i) {
    steps += phase_->variant(i).config.descent().steps();
  }
  return steps;
}

int64_t FamilyRun::steps_taken() const {
  int64_t steps = 0;
  for (const RunResult& run : runs_) {
    if (run.kind != RunResult::kFlow) steps += run.end.steps;
  }
  for (size_t i = 0; phase_ != nullptr && i < phase_->size(); ++i) {
    steps += phase_->cell(i).end.steps;
  }
  return steps;
}

std::string FamilyRun::PlanText() const {
  size_t compiled = 0, descents = 0, flows = 0;
  const auto count = [&](const ValueSoftmaxConfig& config) {
    ++descents;
    const auto descent = DescentFor(FormOf(config), FixedDescents()).descend;
    if (descent != &Descend) ++compiled;
  };
  for (const RunResult& run : runs_) {
    if (run.kind == RunResult::kFlow) {
      ++flows;
    } else {
      count(run.config);
    }
  }
  for (size_t i = 0; phase_ != nullptr && i < phase_->size(); ++i) {
    count(phase_->variant(i).config);
  }
  std::string text = absl::StrFormat("%d descent%s, %d steps", descents,
                                     descents == 1 ? "" : "s", steps());
  if (flows > 0) {
    absl::StrAppendFormat(&text, "; %d flow%s to t = %g", flows,
                          flows == 1 ? "" : "s", config_.flow().end_time());
  }
  if (compiled < descents) {
    absl::StrAppendFormat(&text,
                          "; %d not compiled for their sizes (general code; "
                          "a new family is compiled: see README, Files)",
                          descents - compiled);
  }
  return text;
}

const char* FamilyRun::state() const {
  RunEnd::State worst = RunEnd::kFinished;
  for (const RunResult& run : runs_) worst = std::max(worst, run.end.state);
  if (phase_ != nullptr && phase_->Count(RunEnd::kInterrupted) > 0) {
    worst = RunEnd::kInterrupted;
  }
  return RunStateText(worst);
}

// A phase diagram has cells that diverge: they are part of the picture.
bool FamilyRun::failed() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const RunResult& run) {
    return run.end.state >= RunEnd::kGaveUp;
  });
}

bool FamilyRun::claims_fail() const {
  return std::any_of(claims_.begin(), claims_.end(), [](const Claim& claim) {
    return claim.verdict == Claim::kFails;
  });
}

std::string FamilyRun::reason() const {
  std::string reason;
  for (const RunResult& run : runs_) {
    if (run.end.reason.empty()) continue;
    absl::StrAppend(&reason, reason.empty() ? "" : "; ", run.label, ": ",
                    run.end.reason);
  }
  return reason;
}

std::string FamilyRun::EndText() const {
  std::string text;
  // The reasons are errors: they go to the standard error.
  for (const RunResult& run : runs_) {
    if (run.end.state < RunEnd::kGaveUp) continue;
    absl::StrAppend(&text, run.label, " ", RunStateText(run.end.state), "\n");
  }
  if (phase_ != nullptr) {
    absl::StrAppendFormat(&text, "%d runs finished, %d diverged\n",
                          phase_->Count(RunEnd::kFinished),
                          phase_->Count(RunEnd::kDiverged));
  }
  absl::StrAppend(&text, claims_.empty() ? "no claim applies to these runs\n"
                                         : ClaimsTable(claims_));
  return text;
}

absl::Status FamilyRun::WriteHistories(const RunFolder& folder) const {
  for (const RunResult& run : runs_) {
    if (run.history->rows() == 0) continue;
    const std::vector<double> values = FinalValues(run);
    std::vector<TensorToWrite> tensors = HistoryTensors(*run.history);
    AddProblem(*run.problem, &tensors);
    if (run.end.state != RunEnd::kDiverged) {
      const ValueSoftmaxForm& form = run.problem->model().form;
      tensors.push_back({"final_values",
                         {static_cast<int64_t>(form.features),
                          static_cast<int64_t>(form.latent)},
                         values.data()});
    }
    const absl::Status status = WriteSafetensors(
        folder.File(absl::StrCat("history_", run.label, ".safetensors")),
        tensors);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status FamilyRun::WriteMetrics(const RunFolder& folder,
                                     double seconds) const {
  absl::StatusOr<RunRecord> record = RunRecord::Create(folder);
  if (!record.ok()) return record.status();
  for (const RunResult& run : runs_) {
    const History& history = *run.history;
    std::vector<std::string> names;
    std::vector<const History::Column*> columns;
    for (const History::Column& column : history.columns()) {
      if (column.width > 1) continue;
      names.push_back(absl::StrCat(run.label, "/", column.name));
      columns.push_back(&column);
    }
    names.push_back(absl::StrCat(run.label, "/largest_s"));
    names.push_back(absl::StrCat(run.label, "/time"));
    const size_t every = (history.rows() + kMostMetrics - 1) / kMostMetrics;
    for (size_t row = 0; row < history.rows(); ++row) {
      if (row % every != 0 && row + 1 != history.rows()) continue;
      std::vector<NamedValue> values;
      for (size_t c = 0; c < columns.size(); ++c) {
        values.push_back({names[c], columns[c]->values[row]});
      }
      values.push_back({names[columns.size()], LargestWeight(history, row)});
      values.push_back({names.back(), history.times()[row]});
      // A flow has no steps: rows in their place.
      const int64_t step = run.kind == RunResult::kFlow
                               ? static_cast<int64_t>(row)
                               : history.steps()[row];
      const absl::Status status = record->Write(step, 0, values);
      if (!status.ok()) return status;
    }
  }
  absl::Status status = record->Finish();
  if (!status.ok()) return status;
  JsonLine runs;
  for (const RunResult& run : runs_) runs.Add(run.label, RunSummary(run));
  return record->Summarise(state(), reason(), steps_taken(), seconds,
                           runs_.empty() ? nullptr : &runs);
}

absl::Status FamilyRun::WriteClaims(const RunFolder& folder) const {
  if (claims_.empty()) return absl::OkStatus();
  std::string lines;
  for (const Claim& claim : claims_) {
    JsonLine line;
    line.Add("run", claim.run)
        .Add("claim", claim.claim)
        .Add("predicted", claim.predicted)
        .Add("measured", claim.measured)
        .Add("verdict", VerdictName(claim.verdict));
    absl::StrAppend(&lines, line.TextWithNewline());
  }
  return WriteFileWhole(folder.File("claims.jsonl"), lines);
}

absl::Status FamilyRun::Draw(const RunFolder& folder) {
  absl::StatusOr<Figures> figures = Figures::Create(folder.path());
  if (!figures.ok()) return figures.status();
  absl::Status status;
  std::vector<PanelChart> charts = ReferencePictures(config_.figure(), runs_);
  for (PanelChart& chart : StandardPictures(runs_)) {
    charts.push_back(std::move(chart));
  }
  for (const PanelChart& chart : charts) status.Update(figures->Draw(chart));
  if (phase_ != nullptr) {
    for (const HeatMap& map : phase_->Maps()) status.Update(figures->Draw(map));
  }
  notice_ = figures->Notice();
  return status;
}

absl::Status FamilyRun::Write(const RunFolder& folder, double seconds) {
  claims_ = CheckClaims(runs_);
  absl::Status status = folder.WriteConfig(ResolvedText(config_));
  if (status.ok()) status = WriteHistories(folder);
  if (status.ok()) status = WriteClaims(folder);
  if (status.ok() && phase_ != nullptr) {
    status = WriteFileWhole(folder.File("phase.csv"), phase_->Csv());
  }
  if (!status.ok()) return status;
  // A picture that gnuplot refuses is no reason to lose the numbers.
  const absl::Status drawn = Draw(folder);
  if (!drawn.ok()) notice_ = std::string(drawn.message());
  return WriteMetrics(folder, seconds);
}

}  // namespace polarize
