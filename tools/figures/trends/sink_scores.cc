#include "tools/figures/trends/sink_scores.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/model/score_histogram.h"
#include "tools/sweeps/typed_table.h"

namespace polarize {
namespace {

constexpr char kName[] = "sink_scores";

absl::StatusOr<PretrainedScores> ScoresOf(const TypedTable& table) {
  const absl::StatusOr<size_t> model = table.Column("model");
  const absl::StatusOr<size_t> score = table.Column("score");
  for (const absl::Status& status : {model.status(), score.status()}) {
    if (!status.ok()) return status;
  }
  PretrainedScores scores;
  for (size_t row = 0; row < table.rows(); ++row) {
    const std::string& name = table.Text(row, *model);
    const size_t index = PretrainedModelIndex(name);
    if (index == kPretrainedModels) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", row + 1, ": the model '", name,
                       "' is neither softmax nor sigmoid"));
    }
    const absl::StatusOr<double> value = table.Metric(row, *score);
    if (!value.ok()) return value.status();
    if (!std::isfinite(*value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", row + 1, ": a score that is not finite"));
    }
    scores[index].push_back(*value);
  }
  return scores;
}

}  // namespace

absl::StatusOr<Drawn> DrawSinkScores(const std::string& csv, Figures& figures) {
  Drawn drawn;
  const absl::StatusOr<TypedTable> table = TypedTable::Read(csv);
  if (absl::IsNotFound(table.status()) || (table.ok() && table->rows() == 0)) {
    drawn.missing = {{kName, "not run: no scores of pretrained models"}};
    return drawn;
  }
  if (!table.ok()) return table.status();
  const absl::StatusOr<PretrainedScores> scores = ScoresOf(*table);
  if (!scores.ok()) {
    return absl::Status(scores.status().code(),
                        absl::StrCat(csv, ": ", scores.status().message()));
  }
  const absl::Status status = figures.Draw(ScoreHistogram(kName, *scores));
  if (!status.ok()) return status;
  drawn.pictures = {
      {kName, absl::StrCat("Heads by score (", CountsOfScores(*scores),
                           "), 20 bins over each model's own range.")}};
  return drawn;
}

}  // namespace polarize
