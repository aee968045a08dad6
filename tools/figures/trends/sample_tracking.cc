#include "tools/figures/trends/sample_tracking.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "experiments/classification/tracking_chart.h"
#include "experiments/run/typed_table.h"

namespace polarize {
namespace {

constexpr char kName[] = "classification_with_sample_tracking";

// The columns PREFIX0, PREFIX1, ... of a table.
std::vector<size_t> Numbered(const TypedTable& table, const char* prefix) {
  std::vector<size_t> columns;
  for (;;) {
    const absl::optional<size_t> column =
        table.FindColumn(absl::StrCat(prefix, columns.size()));
    if (!column.has_value()) return columns;
    columns.push_back(*column);
  }
}

// The first samples, without weights.
absl::StatusOr<std::vector<TrackedSample>> SamplesOf(const TypedTable& table) {
  const absl::StatusOr<size_t> label = table.Column("label");
  if (!label.ok()) return label.status();
  std::vector<TrackedSample> samples;
  for (size_t row = 0; row < table.rows() && row < kDrawnLabels; ++row) {
    const absl::StatusOr<int> number = table.Count(row, *label);
    if (!number.ok()) return number.status();
    TrackedSample sample;
    sample.label = *number;
    for (const size_t column : Numbered(table, "token_")) {
      const absl::StatusOr<int> token = table.Count(row, column);
      if (!token.ok()) return token.status();
      sample.tokens.push_back(*token);
    }
    sample.weights.resize(sample.tokens.size());
    samples.push_back(std::move(sample));
  }
  return samples;
}

absl::Status AddRow(const TypedTable& table, size_t row, size_t step,
                    const std::vector<size_t>& weights, TrackedSample& sample) {
  const absl::StatusOr<double> at = table.Metric(row, step);
  if (!at.ok()) return at.status();
  sample.steps.push_back(*at);
  for (size_t t = 0; t < sample.tokens.size(); ++t) {
    const absl::StatusOr<double> weight = table.Metric(row, weights[t]);
    if (!weight.ok()) return weight.status();
    sample.weights[t].push_back(*weight);
  }
  return absl::OkStatus();
}

absl::Status AddWeights(const TypedTable& table,
                        std::vector<TrackedSample>& samples) {
  std::vector<size_t> key;
  for (const char* name : {"step", "label", "layer", "head"}) {
    const absl::StatusOr<size_t> column = table.Column(name);
    if (!column.ok()) return column.status();
    key.push_back(*column);
  }
  const std::vector<size_t> weights = Numbered(table, "attn_");
  for (const TrackedSample& sample : samples) {
    if (sample.tokens.size() == weights.size()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "tracking.csv has weights of ", weights.size(),
        " tokens, tracking_samples.csv samples of ", sample.tokens.size()));
  }
  for (size_t row = 0; row < table.rows(); ++row) {
    const absl::StatusOr<int> label = table.Count(row, key[1]);
    const absl::StatusOr<int> layer = table.Count(row, key[2]);
    const absl::StatusOr<int> head = table.Count(row, key[3]);
    for (const absl::Status& status :
         {label.status(), layer.status(), head.status()}) {
      if (!status.ok()) return status;
    }
    for (TrackedSample& sample : samples) {
      if (*layer + *head > 0 || sample.label != *label) continue;
      const absl::Status status = AddRow(table, row, key[0], weights, sample);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Drawn> DrawSampleTracking(const std::string& run_folder,
                                         Figures& figures) {
  Drawn drawn;
  const absl::StatusOr<TypedTable> rows =
      TypedTable::Read(absl::StrCat(run_folder, "/tracking.csv"));
  const absl::StatusOr<TypedTable> tokens =
      TypedTable::Read(absl::StrCat(run_folder, "/tracking_samples.csv"));
  for (const absl::Status& status : {rows.status(), tokens.status()}) {
    if (absl::IsNotFound(status)) {
      drawn.missing = {{kName, "not run: no tracking.csv with its samples"}};
      return drawn;
    }
    if (!status.ok()) return status;
  }
  absl::StatusOr<std::vector<TrackedSample>> samples = SamplesOf(*tokens);
  if (!samples.ok()) return samples.status();
  absl::Status status = AddWeights(*rows, *samples);
  if (status.ok()) status = figures.Draw(TrackingChart(kName, *samples));
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(run_folder, ": ", status.message()));
  }
  drawn.pictures = {
      {kName,
       "Attention at CLS (layer 0, head 0) after every step for the first "
       "evaluation sample of two labels, one line per token."}};
  return drawn;
}

}  // namespace polarize
