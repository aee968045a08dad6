#include "tools/figures/trends/sink_scores.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/model/score_histogram.h"
#include "experiments/pretrained/model/score_table.h"

namespace polarize {
namespace {

constexpr char kName[] = "sink_scores";

bool IsEmpty(const PretrainedScores& scores) {
  for (const std::vector<double>& of_model : scores) {
    if (!of_model.empty()) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<Drawn> DrawSinkScores(const std::string& csv, Figures& figures) {
  Drawn drawn;
  const absl::StatusOr<PretrainedScores> scores = ReadScores(csv);
  if (absl::IsNotFound(scores.status()) || (scores.ok() && IsEmpty(*scores))) {
    drawn.missing = {{kName, "not run: no scores of pretrained models"}};
    return drawn;
  }
  if (!scores.ok()) return scores.status();
  const absl::Status status = figures.Draw(ScoreHistogram(kName, *scores));
  if (!status.ok()) return status;
  drawn.pictures = {
      {kName, absl::StrCat("Heads by score (", CountsOfScores(*scores),
                           "), 20 bins over each model's own range.")}};
  return drawn;
}

}  // namespace polarize
