#include "experiments/induction/report.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/progress.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

const AttentionKind& KindOf(const ModelConfig& model) {
  return AttentionKinds()[model.attention_kind];
}

std::string DataLine(const InductionTask& task) {
  return absl::StrFormat(
      "data        %d training and %d evaluation sequences of %d tokens%s%s\n",
      task.num_train, task.num_eval, task.seq_length,
      task.begin_token ? "" : " without a start",
      task.kind == TaskKind::kTrigger ? "; copy at the trigger, else nothing"
                                      : "");
}

std::string FloorLine(const InductionTask& task,
                      const InductionLevels& levels) {
  if (task.kind == TaskKind::kTrigger) {
    return absl::StrFormat(
        "loss floor  %.4f for the best predictor, %.4f for one that averages "
        "what precedes the trigger, %.4f for one that sees the trigger alone\n",
        levels.loss_floor, levels.loss_floor_repeating, levels.loss_alone);
  }
  return absl::StrFormat(
      "loss floor  %.4f for the best predictor, %.4f for one that does not "
      "know that tokens are distinct\n",
      levels.loss_floor, levels.loss_floor_repeating);
}

using Evaluation = InductionEvaluation;

constexpr EvaluationValue kInductionValues[] = {
    {"eval/loss", [](const Evaluation& e) { return e.loss.total; }},
    {"eval/loss_start", [](const Evaluation& e) { return e.loss.start; }},
    {"eval/loss_main", [](const Evaluation& e) { return e.loss.main; }},
    {"eval/acc_all", [](const Evaluation& e) { return e.acc_all; }},
    {"eval/acc_induction", [](const Evaluation& e) { return e.acc_induction; }},
};

constexpr EvaluationValue kTriggerValues[] = {
    {"eval/loss", [](const Evaluation& e) { return e.loss.total; }},
    {"eval/loss_noop", [](const Evaluation& e) { return e.loss.start; }},
    {"eval/loss_trigger", [](const Evaluation& e) { return e.loss.main; }},
    {"eval/acc_all", [](const Evaluation& e) { return e.acc_all; }},
    {"eval/acc_noop", [](const Evaluation& e) { return e.acc_start; }},
    {"eval/acc_trigger", [](const Evaluation& e) { return e.acc_induction; }},
};

}  // namespace

absl::Span<const EvaluationValue> EvaluationValues(TaskKind task) {
  if (task == TaskKind::kTrigger) return kTriggerValues;
  return kInductionValues;
}

std::string AccuracyText(TaskKind task, const InductionEvaluation& evaluation) {
  const bool trigger = task == TaskKind::kTrigger;
  return absl::StrFormat("%.4f (%s %.4f)", evaluation.acc_induction,
                         trigger ? "no-op" : "all",
                         trigger ? evaluation.acc_start : evaluation.acc_all);
}

size_t SinkLayer(const ModelConfig& model) {
  return std::min<size_t>(1, model.layers - 1);
}

std::string PlanText(const InductionSetup& setup, const InductionLevels& levels,
                     const PlanReport& plan) {
  std::string text =
      absl::StrCat(ModelLine(setup.model, plan.parameters),
                   OptimiserLine(setup.optimiser), DataLine(setup.task));
  absl::StrAppend(&text,
                  PlanLines(setup.model, plan,
                            "experiments/induction/induction.textproto"));
  absl::StrAppend(&text, FloorLine(setup.task, levels));
  absl::StrAppendFormat(
      &text, "chance      accuracy %.3f; sink score of equal weights %s\n",
      levels.accuracy_guess,
      NumberOrNone(KindOf(setup.model).normalised ? levels.sink_normalised
                                                  : levels.sink_unnormalised,
                   3));
  if (setup.aux_loss_weight == 0) {
    absl::StrAppend(
        &text,
        "note        with aux_loss_weight 0 the rows that the last layer's "
        "sink scores read get no gradient\n");
  }
  return text;
}

std::string LiveText(const ModelConfig& model, const LiveReport& live) {
  std::string text = absl::StrFormat("epoch %d/%d  loss %.4f", live.epoch,
                                     live.epochs, live.loss);
  if (live.last != nullptr) {
    absl::StrAppendFormat(&text, "  acc %.3f",
                          live.last->evaluation.acc_induction);
  }
  absl::StrAppend(&text, "  ", FormatStepRate(live.steps_per_second));
  if (live.last != nullptr) {
    absl::StrAppend(&text, "  sink");
    for (size_t h = 0; h < model.heads; ++h) {
      const HeadStatistics& head =
          live.last->heads[SinkLayer(model) * model.heads + h];
      absl::StrAppend(&text, " ", NumberOrNone(head.rel_attn_bos_global, 2));
    }
  }
  absl::StrAppend(&text, "  left ", FormatTime(live.left));
  return text;
}

std::string StatisticsTable(const ModelConfig& model,
                            const InductionPoint& point) {
  const bool is_signed = KindOf(model).signed_weights;
  std::string text = absl::StrFormat(
      "%-10s %12s %12s %12s %19s %s%17s %8s\n", "layer head", "abs_attn_bos",
      "abs_attn_all", "rel_attn_bos", "rel_attn_bos_global",
      is_signed ? "  of |A|" : "", "row sum", "entropy");
  for (size_t l = 0; l < model.layers; ++l) {
    for (size_t h = 0; h < model.heads; ++h) {
      const HeadStatistics& s = point.heads[l * model.heads + h];
      absl::StrAppendFormat(&text, "%5d %4d %12s %12s %12s %19s ", l, h,
                            NumberOrNone(s.abs_attn_bos, 4),
                            NumberOrNone(s.abs_attn_all, 4),
                            NumberOrNone(s.rel_attn_bos, 4),
                            NumberOrNone(s.rel_attn_bos_global, 4));
      if (is_signed) {
        absl::StrAppendFormat(&text, "%8s",
                              NumberOrNone(s.abs_rel_attn_bos_global, 4));
      }
      absl::StrAppendFormat(&text, "%17s %8s\n",
                            absl::StrCat(NumberOrNone(s.abs_attn_all, 3),
                                         " sd ", NumberOrNone(s.row_sum_sd, 3)),
                            NumberOrNone(s.entropy, 3));
    }
  }
  return text;
}

std::string InterventionsTable(const InductionSetup& setup,
                               const InductionPoint& plain,
                               const std::vector<InterventionPoint>& points) {
  if (points.empty()) return "";
  const ModelConfig& model = setup.model;
  std::string text =
      absl::StrFormat("%-20s %10s  %-22s  sink scores, layer %d\n",
                      "intervention", "loss", "accuracy", SinkLayer(model));
  const auto add = [&](const std::string& name, const InductionPoint& point) {
    absl::StrAppendFormat(&text, "%-20s %10s  %-22s ", name,
                          NumberOrNone(point.evaluation.loss.total, 4),
                          AccuracyText(setup.task.kind, point.evaluation));
    for (size_t h = 0; h < model.heads; ++h) {
      const size_t at = SinkLayer(model) * model.heads + h;
      absl::StrAppend(&text, " ",
                      NumberOrNone(point.heads[at].rel_attn_bos_global, 4));
    }
    text += '\n';
  };
  add("none", plain);
  for (const InterventionPoint& p : points) add(p.intervention.name, p.point);
  return text;
}

}  // namespace polarize
