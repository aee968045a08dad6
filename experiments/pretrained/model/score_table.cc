#include "experiments/pretrained/model/score_table.h"

#include <cmath>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/typed_table.h"

namespace polarize {
namespace {

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

absl::StatusOr<PretrainedScores> ReadScores(const std::string& csv) {
  const absl::StatusOr<TypedTable> table = TypedTable::Read(csv);
  if (!table.ok()) return table.status();
  absl::StatusOr<PretrainedScores> scores = ScoresOf(*table);
  if (scores.ok()) return scores;
  return absl::Status(scores.status().code(),
                      absl::StrCat(csv, ": ", scores.status().message()));
}

}  // namespace polarize
