#include "tools/report/pretrained_claims.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_format.h"
#include "absl/types/optional.h"

namespace polarize {
namespace {

constexpr double kSignificant = 3;  // standard errors

struct Heads {
  Spread spread;
  double squares = 0;

  // Of the mean, squared.
  double SquaredError() const {
    const double n = static_cast<double>(spread.runs());
    const double mean = spread.mean();
    return std::max(squares / n - mean * mean, 0.0) / (n - 1);
  }
};

Heads HeadsOf(const RunTable& table, const char* model) {
  Heads heads;
  for (size_t row = 0; row < table.size(); ++row) {
    const absl::optional<double> value = table.Number(row, "score");
    if (table.Text(row, "model") != model || !value.has_value()) continue;
    heads.spread.Add(*value, "");
    heads.squares += *value * *value;
  }
  return heads;
}

}  // namespace

Finding CheckPretrained(const ReportData& data) {
  Finding finding;
  finding.selection = "every layer and head of both models";
  finding.reason = "no statistics of the two 7B models";
  if (!data.pretrained.has_value()) return finding;
  const Heads softmax = HeadsOf(*data.pretrained, "softmax");
  const Heads sigmoid = HeadsOf(*data.pretrained, "sigmoid");
  finding.measures.push_back({"softmax, heads", softmax.spread, "", {}});
  finding.measures.push_back(
      {"sigmoid (w/o norm.), heads", sigmoid.spread, "", {}});
  if (!softmax.spread.enough() || !sigmoid.spread.enough()) return finding;
  const double difference = softmax.spread.mean() - sigmoid.spread.mean();
  const double error =
      std::sqrt(softmax.SquaredError() + sigmoid.SquaredError());
  finding.verdict = difference > 0 && difference > kSignificant * error
                        ? Verdict::kReproduced
                        : Verdict::kDiffers;
  finding.reason = absl::StrFormat(
      "softmax %.3f, sigmoid %.3f; difference %+.3f, standard error %.3f",
      softmax.spread.mean(), sigmoid.spread.mean(), difference, error);
  return finding;
}

}  // namespace polarize
