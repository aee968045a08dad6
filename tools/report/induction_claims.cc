#include "tools/report/induction_claims.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "tools/report/group.h"
#include "tools/sweeps/attention_kinds.h"
#include "tools/sweeps/thresholds.h"

namespace polarize {
namespace {

constexpr double kMost = 0.5;  // of the heads

RunFilter Panel(const char* aux, const char* shift, const char* positions) {
  return {{"aux_loss_weight", aux},
          {"shift_query_token", shift},
          {"positional_type", positions}};
}

RunFilter MainPanel() { return Panel("0.2", "True", "add"); }

bool IsSolved(const RunTable& runs, size_t row) {
  const absl::optional<double> accuracy =
      runs.Number(row, "eval/acc_induction");
  return accuracy.has_value() && *accuracy > kSolvedAccuracy;
}

// Of the second layer's heads.
absl::optional<double> SinkShare(const RunTable& runs, size_t row) {
  if (!IsSolved(runs, row)) return absl::nullopt;
  const absl::optional<double> heads = runs.Number(row, "num_heads");
  if (!heads.has_value() || *heads < 1 || *heads > 1000) return absl::nullopt;
  size_t sinks = 0;
  for (int head = 0; head < *heads; ++head) {
    const absl::optional<double> score =
        runs.Number(row, absl::StrCat("1_", head, "_rel_attn_bos_global"));
    if (!score.has_value()) return absl::nullopt;
    if (*score > kSinkScore) ++sinks;
  }
  return sinks / *heads;
}

// The measure of one group, with how many of its runs solved the task.
Measure SinksOf(const RunTable& runs, const RunFilter& filter,
                const std::string& label, Finding& finding) {
  const std::vector<size_t> rows = runs.Where(filter);
  Measure measure;
  measure.label = label;
  measure.spread = SpreadOf(runs, rows, SinkShare, finding);
  measure.note = absl::StrFormat("%d of %d finished runs solve the task",
                                 measure.spread.runs(), rows.size());
  return measure;
}

std::string Selection(const RunFilter& filter) {
  return absl::StrCat(FilterText(filter),
                      ", state = finished, eval/acc_induction > 0.95");
}

// A finding that says why there is nothing to judge.
Finding TooFew(Finding finding, absl::string_view what) {
  finding.verdict = Verdict::kNotRun;
  finding.reason = absl::StrCat("fewer than ", kFewestRuns,
                                " runs that solve the task: ", what);
  return finding;
}

}  // namespace

Finding CheckSoftmaxSinks(const ReportData& data) {
  Finding finding;
  const RunFilter filter = With(MainPanel(), {{"attention_type", "softmax"}});
  finding.selection = Selection(filter);
  if (!data.induction.runs.has_value()) return TooFew(finding, "softmax");
  const RunTable& runs = *data.induction.runs;
  Measure all = SinksOf(runs, filter, "softmax", finding);
  all.limit = kMost;
  finding.measures.push_back(all);
  Finding unused;
  for (const std::string& heads : runs.Values("num_heads")) {
    finding.measures.push_back(
        SinksOf(runs, With(filter, {{"num_heads", heads}}),
                absl::StrCat("softmax, heads: ", heads), unused));
  }
  if (!all.spread.enough()) return TooFew(finding, "softmax");
  finding.verdict =
      all.spread.mean() > kMost ? Verdict::kReproduced : Verdict::kDiffers;
  finding.reason = absl::StrCat("softmax: ", MeanText(all.spread),
                                " of the heads are sinks");
  return finding;
}

Finding CheckNoSinksWithoutNormaliser(const ReportData& data) {
  Finding finding;
  finding.selection = Selection(MainPanel());
  if (!data.induction.runs.has_value()) return TooFew(finding, "all kinds");
  const RunTable& runs = *data.induction.runs;
  const Measure softmax =
      SinksOf(runs, With(MainPanel(), {{"attention_type", "softmax"}}),
              "softmax", finding);
  finding.measures.push_back(softmax);
  std::vector<std::string> judged, above;
  for (const PaperKind& pair : PairedKinds()) {
    Measure measure = SinksOf(
        runs, With(MainPanel(), {{"attention_type", pair.unnormalised}}),
        absl::StrCat(pair.name, ", w/o norm."), finding);
    const Spread spread = measure.spread;
    if (pair.both_signs) absl::StrAppend(&measure.note, "; signed, not judged");
    finding.measures.push_back(std::move(measure));
    if (pair.both_signs || !spread.enough()) continue;
    judged.push_back(absl::StrCat(pair.name, " ", MeanText(spread)));
    if (spread.mean() >= softmax.spread.mean()) above.push_back(pair.name);
  }
  if (!softmax.spread.enough()) return TooFew(finding, "softmax");
  if (judged.empty()) {
    return TooFew(finding, "every kind of positive weights w/o norm.");
  }
  finding.verdict = above.empty() ? Verdict::kReproduced : Verdict::kDiffers;
  finding.reason =
      absl::StrCat("softmax ", MeanText(softmax.spread),
                   "; without normaliser ", absl::StrJoin(judged, ", "));
  return finding;
}

Finding CheckNormalisers(const ReportData& data) {
  Finding finding;
  finding.selection = Selection(MainPanel());
  if (!data.induction.runs.has_value()) return TooFew(finding, "all kinds");
  const RunTable& runs = *data.induction.runs;
  std::vector<std::string> larger, smaller, equal;
  for (const PaperKind& pair : PairedKinds()) {
    const auto measure = [&](const char* kind, const char* suffix) {
      Measure result =
          SinksOf(runs, With(MainPanel(), {{"attention_type", kind}}),
                  absl::StrCat(pair.name, suffix), finding);
      if (pair.both_signs) {
        absl::StrAppend(&result.note, "; signed, not judged");
      }
      finding.measures.push_back(result);
      return result.spread;
    };
    const Spread normalised = measure(pair.normalised, ", w. norm.");
    const Spread plain = measure(pair.unnormalised, ", w/o norm.");
    if (pair.both_signs || !normalised.enough() || !plain.enough()) continue;
    (normalised.mean() > plain.mean()   ? larger
     : normalised.mean() < plain.mean() ? smaller
                                        : equal)
        .push_back(absl::StrFormat("%s %.3f against %.3f", pair.name,
                                   normalised.mean(), plain.mean()));
  }
  if (larger.empty() && smaller.empty() && equal.empty()) {
    return TooFew(finding, "no pair of positive weights has both");
  }
  finding.verdict = smaller.empty() && !larger.empty() ? Verdict::kReproduced
                                                       : Verdict::kDiffers;
  finding.reason = absl::StrCat(
      "larger share with the normaliser: ",
      larger.empty() ? "none" : absl::StrJoin(larger, ", "),
      smaller.empty() ? "" : "; smaller: ", absl::StrJoin(smaller, ", "),
      equal.empty() ? "" : "; equal: ", absl::StrJoin(equal, ", "));
  return finding;
}

Finding CheckSinksInEveryPanel(const ReportData& data) {
  Finding finding;
  const RunFilter common = {{"attention_type", "softmax"},
                            {"aux_loss_weight", "0.2"}};
  finding.selection = Selection(common);
  if (!data.induction.runs.has_value()) return TooFew(finding, "softmax");
  const RunTable& runs = *data.induction.runs;
  std::vector<std::string> below;
  size_t judged = 0;
  for (const char* shift : {"False", "True"}) {
    for (const char* positions : {"add", "concat", "no"}) {
      Measure measure = SinksOf(
          runs,
          With(common,
               {{"shift_query_token", shift}, {"positional_type", positions}}),
          absl::StrCat("shift ", shift, ", positions ", positions), finding);
      measure.limit = kMost;
      finding.measures.push_back(measure);
      if (!measure.spread.enough()) continue;
      ++judged;
      if (measure.spread.mean() <= kMost) below.push_back(measure.label);
    }
  }
  if (judged < 2) return TooFew(finding, "softmax in more than one panel");
  finding.verdict = below.empty() ? Verdict::kReproduced : Verdict::kDiffers;
  finding.reason = absl::StrCat(
      "most heads are sinks in ", judged - below.size(), " of ", judged,
      " panels with enough runs (of 6)",
      below.empty() ? "" : "; not in: ", absl::StrJoin(below, "; "));
  return finding;
}

Finding CheckAuxiliaryLoss(const ReportData& data) {
  Finding finding;
  const RunFilter common = {{"attention_type", "softmax"},
                            {"shift_query_token", "True"},
                            {"positional_type", "add"}};
  finding.selection = Selection(common);
  if (!data.induction.runs.has_value()) return TooFew(finding, "softmax");
  const RunTable& runs = *data.induction.runs;
  const auto measure = [&](const char* weight) {
    finding.measures.push_back(
        SinksOf(runs, With(common, {{"aux_loss_weight", weight}}),
                absl::StrCat("softmax, auxiliary weight ", weight), finding));
    return finding.measures.back().spread;
  };
  const Spread with = measure("0.2");
  const Spread without = measure("0");
  if (!with.enough()) return TooFew(finding, "weight 0.2");
  if (!without.enough()) return TooFew(finding, "weight 0");
  finding.verdict =
      with.mean() > without.mean() ? Verdict::kReproduced : Verdict::kDiffers;
  finding.reason =
      absl::StrCat("with ", MeanText(with), ", without ", MeanText(without));
  return finding;
}

}  // namespace polarize
