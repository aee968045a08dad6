#include "tools/report/classification_claims.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "tools/report/group.h"
#include "tools/sweeps/attention_kinds.h"

namespace polarize {
namespace {

constexpr double kEasily = 0.5;  // more than this share of the pairs flips

// The mean of a metric over the run's layers and heads; none if one is missing.
absl::optional<double> MeanOverHeads(
    const RunTable& runs, size_t row,
    absl::FunctionRef<std::string(int layer, int head)> key, bool clip) {
  const absl::optional<double> layers = runs.Number(row, "num_layers");
  const absl::optional<double> heads = runs.Number(row, "num_heads");
  if (!layers.has_value() || !heads.has_value() || *layers < 1 || *heads < 1 ||
      *layers > 1000 || *heads > 1000) {
    return absl::nullopt;
  }
  double sum = 0;
  for (int layer = 0; layer < *layers; ++layer) {
    for (int head = 0; head < *heads; ++head) {
      const absl::optional<double> value = runs.Number(row, key(layer, head));
      if (!value.has_value()) return absl::nullopt;
      sum += clip ? std::min(std::max(*value, 0.0), 1.0) : *value;
    }
  }
  return sum / (*layers * *heads);
}

absl::optional<double> Sparsity(const RunTable& runs, size_t row) {
  return MeanOverHeads(
      runs, row,
      [](int layer, int head) {
        return absl::StrCat(layer, "_", head, "_rel_attn_max");
      },
      /*clip=*/true);
}

absl::optional<double> FlipRate(const RunTable& runs, size_t row) {
  return MeanOverHeads(
      runs, row,
      [](int layer, int head) {
        return absl::StrCat("mixing/", layer, "_", head,
                            "/avg_top1_dominance_rate");
      },
      /*clip=*/false);
}

std::string Selection(const RunFilter& filter) {
  return absl::StrCat(FilterText(filter), ", state = finished");
}

Measure MeasureOf(const RunTable& runs, const RunFilter& filter,
                  QuantityOfRun quantity, const std::string& label,
                  Finding& finding) {
  Measure measure;
  measure.label = label;
  measure.spread = SpreadOf(runs, runs.Where(filter), quantity, finding);
  return measure;
}

Finding TooFew(Finding finding, absl::string_view what) {
  finding.verdict = Verdict::kNotRun;
  finding.reason =
      absl::StrCat("fewer than ", kFewestRuns, " finished runs: ", what);
  return finding;
}

std::string Plural(const std::string& count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == "1" ? "" : "s");
}

}  // namespace

Finding CheckSparsity(const ReportData& data) {
  Finding finding;
  const RunFilter small = {{"vocab_size", "41"}};
  finding.selection = Selection(small);
  if (!data.classification.runs.has_value()) {
    return TooFew(finding, "all kinds");
  }
  const RunTable& runs = *data.classification.runs;
  const auto measure = [&](const char* kind, const std::string& label) {
    finding.measures.push_back(
        MeasureOf(runs, With(small, {{"attention_type", kind}}), Sparsity,
                  label, finding));
    return finding.measures.back().spread;
  };
  const Spread softmax = measure("softmax", "softmax");
  std::vector<std::string> judged, above;
  for (const PaperKind& pair : PairedKinds()) {
    measure(pair.normalised, absl::StrCat(pair.name, ", w. norm."));
    const Spread plain =
        measure(pair.unnormalised, absl::StrCat(pair.name, ", w/o norm."));
    if (pair.both_signs) {
      finding.measures.back().note = "signed, not judged";
      continue;
    }
    if (!plain.enough()) continue;
    judged.push_back(absl::StrCat(pair.name, " ", MeanText(plain)));
    if (plain.mean() >= softmax.mean()) above.push_back(pair.name);
  }
  if (!softmax.enough()) return TooFew(finding, "softmax");
  if (judged.empty()) {
    return TooFew(finding, "every kind of positive weights w/o norm.");
  }
  finding.verdict = above.empty() ? Verdict::kReproduced : Verdict::kDiffers;
  finding.reason =
      absl::StrCat("softmax ", MeanText(softmax), "; without normaliser ",
                   absl::StrJoin(judged, ", "));
  return finding;
}

Finding CheckFlips(const ReportData& data) {
  Finding finding;
  const RunFilter single = {{"num_layers", "1"}, {"num_heads", "1"}};
  const RunFilter filter = With(single, {{"attention_type", "softmax"}});
  finding.selection = Selection(filter);
  if (!data.classification.runs.has_value()) return TooFew(finding, "softmax");
  const RunTable& runs = *data.classification.runs;
  Measure all = MeasureOf(runs, filter, FlipRate, "softmax", finding);
  all.limit = kEasily;
  finding.measures.push_back(all);
  Finding unused;
  for (const std::string& vocabulary : runs.Values("vocab_size")) {
    for (const char* mlp : {"False", "True"}) {
      for (const char* norm : {"False", "True"}) {
        finding.measures.push_back(
            MeasureOf(runs,
                      With(filter, {{"vocab_size", vocabulary},
                                    {"use_mlp", mlp},
                                    {"use_layernorm", norm}}),
                      FlipRate,
                      absl::StrCat("softmax, vocabulary ", vocabulary, ", MLP ",
                                   mlp, ", layer norm ", norm),
                      unused));
      }
    }
  }
  for (const PaperKind& pair : PairedKinds()) {
    for (const char* kind : {pair.normalised, pair.unnormalised}) {
      finding.measures.push_back(MeasureOf(
          runs, With(single, {{"attention_type", kind}}), FlipRate,
          absl::StrCat(pair.name, kind == pair.unnormalised ? ", w/o norm."
                                                            : ", w. norm."),
          unused));
    }
  }
  if (!all.spread.enough()) return TooFew(finding, "softmax");
  finding.verdict =
      all.spread.mean() > kEasily ? Verdict::kReproduced : Verdict::kDiffers;
  finding.reason =
      absl::StrCat("softmax's mean flip rate ", MeanText(all.spread));
  return finding;
}

Finding CheckFlipsFade(const ReportData& data) {
  Finding finding;
  const RunFilter softmax = {{"attention_type", "softmax"}};
  finding.selection = Selection(softmax);
  if (!data.classification.runs.has_value()) return TooFew(finding, "softmax");
  const RunTable& runs = *data.classification.runs;
  Spread single;
  bool more_heads = false, more_layers = false;
  std::vector<std::string> others, not_smaller;
  for (const char* layers : {"1", "2"}) {
    for (const char* heads : {"1", "2", "4"}) {
      const Measure measure = MeasureOf(
          runs, With(softmax, {{"num_layers", layers}, {"num_heads", heads}}),
          FlipRate,
          absl::StrCat(Plural(layers, "layer"), ", ", Plural(heads, "head")),
          finding);
      finding.measures.push_back(measure);
      if (finding.measures.size() == 1) {
        single = measure.spread;
        continue;
      }
      if (!measure.spread.enough()) continue;
      more_heads |= absl::string_view(heads) != "1";
      more_layers |= absl::string_view(layers) != "1";
      others.push_back(
          absl::StrCat(measure.label, ": ", MeanText(measure.spread)));
      if (measure.spread.mean() >= single.mean()) {
        not_smaller.push_back(measure.label);
      }
    }
  }
  if (!single.enough()) return TooFew(finding, "one layer, one head");
  if (!more_heads) return TooFew(finding, "more than one head");
  if (!more_layers) return TooFew(finding, "more than one layer");
  finding.verdict =
      not_smaller.empty() ? Verdict::kReproduced : Verdict::kDiffers;
  finding.reason = absl::StrCat("one layer and head: ", MeanText(single), "; ",
                                absl::StrJoin(others, "; "));
  return finding;
}

}  // namespace polarize
