#include "experiments/classification/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/progress.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

// Heads in the live line; more would not fit on a terminal.
constexpr size_t kLiveHeads = 8;

// What equal weights on all tokens would score.
std::string EqualWeights(const ClassificationSetup& setup) {
  return NumberOrNone(1.0 / static_cast<double>(setup.task.seq_length), 3);
}

}  // namespace

DistinctCounts CountDistinct(const ClassificationSetup& setup,
                             const ClassificationData& data) {
  const bool ordered = SeesOrder(setup.model);
  return {DistinctInputs(data.train, ordered),
          DistinctInputs(data.eval, ordered)};
}

std::string PlanText(const ClassificationSetup& setup,
                     const DistinctCounts& distinct, const PlanReport& plan) {
  const ClassificationTask& task = setup.task;
  std::string text = absl::StrCat(ModelLine(setup.model, plan.parameters),
                                  OptimiserLine(setup.optimiser));
  absl::StrAppendFormat(
      &text,
      "data        %d training and %d evaluation samples of %d tokens; "
      "different for the model: %d and %d\n",
      task.num_train, task.num_eval, task.seq_length, distinct.train,
      distinct.eval);
  absl::StrAppend(
      &text, PlanLines(setup.model, plan,
                       "experiments/classification/classification.textproto"));
  absl::StrAppendFormat(
      &text,
      "loss floor  0: a single token tells the label; guessing gives %.4f\n",
      std::log(task.num_labels));
  absl::StrAppendFormat(
      &text, "chance      accuracy %.3f; sparsity score of equal weights %s\n",
      1.0 / task.num_labels, EqualWeights(setup));
  return text;
}

std::string LiveText(const ClassificationPoint* last, const LiveState& live) {
  std::string text = absl::StrFormat("epoch %d/%d  loss %.4g", live.epoch,
                                     live.epochs, live.loss);
  if (last != nullptr) {
    absl::StrAppendFormat(&text, "  acc %.3f", last->evaluation.acc);
  }
  absl::StrAppend(&text, "  ", FormatStepRate(live.steps_per_second));
  if (last != nullptr) {
    absl::StrAppend(&text, "  sparsity");
    for (size_t i = 0; i < std::min(kLiveHeads, last->heads.size()); ++i) {
      absl::StrAppend(&text, " ", NumberOrNone(last->heads[i].rel_attn_max, 2));
    }
  }
  absl::StrAppend(&text, "  left ", FormatTime(live.left));
  return text;
}

std::string StatisticsTable(const ModelConfig& model,
                            const ClassificationPoint& point) {
  const bool is_signed = AttentionKinds()[model.attention_kind].signed_weights;
  std::string text =
      absl::StrFormat("%-10s %12s %12s %12s %s%19s %8s\n", "layer head",
                      "abs_attn_max", "abs_attn_sum", "rel_attn_max",
                      is_signed ? "  of |A| " : "", "row sum", "entropy");
  for (size_t l = 0; l < model.layers; ++l) {
    for (size_t h = 0; h < model.heads; ++h) {
      const ClsStatistics& s = point.heads[l * model.heads + h];
      absl::StrAppendFormat(&text, "%5d %4d %12s %12s %12s ", l, h,
                            NumberOrNone(s.abs_attn_max, 4),
                            NumberOrNone(s.abs_attn_sum, 4),
                            NumberOrNone(s.rel_attn_max, 4));
      if (is_signed) {
        absl::StrAppendFormat(&text, "%8s ",
                              NumberOrNone(s.abs_rel_attn_max, 4));
      }
      absl::StrAppendFormat(&text, "%19s %8s\n",
                            absl::StrCat(NumberOrNone(s.abs_attn_sum, 3),
                                         " sd ", NumberOrNone(s.row_sum_sd, 3)),
                            NumberOrNone(s.entropy, 3));
    }
  }
  return text;
}

std::string MixingTable(const ModelConfig& model,
                        const std::vector<MixingResult>& mixing) {
  if (mixing.empty()) return "";
  std::string text =
      absl::StrFormat("%-10s %10s %8s %8s %8s %16s\n", "layer head",
                      "flip rate", "a", "b", "pairs", "different ones");
  for (size_t i = 0; i < mixing.size(); ++i) {
    const MixingResult& m = mixing[i];
    absl::StrAppendFormat(
        &text, "%5d %4d %10s %8s %8s %8d %16d\n", i / model.heads,
        i % model.heads, NumberOrNone(m.rate(), 4), NumberOrNone(m.rate_a(), 4),
        NumberOrNone(m.rate_b(), 4), m.total_pairs, m.distinct_pairs);
  }
  return text;
}

std::string AnyTokenLine(const AnyTokenResult& result) {
  if (result.inputs == 0) return "";
  return absl::StrFormat(
      "any token   %d of %d different inputs can be flipped by one changed "
      "token; %s of all %d changes do\n",
      result.flipped_inputs, result.inputs,
      NumberOrNone(result.change_flip_rate(), 4), result.changes);
}

}  // namespace polarize
