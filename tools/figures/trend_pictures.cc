#include "tools/figures/trend_pictures.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "experiments/run/figures.h"
#include "experiments/run/file.h"
#include "experiments/run/typed_table.h"
#include "tools/figures/trends/attention_pictures.h"
#include "tools/figures/trends/drawn.h"
#include "tools/figures/trends/sample_tracking.h"
#include "tools/figures/trends/sink_scores.h"
#include "tools/figures/trends/threshold_shares.h"
#include "tools/figures/trends/training_trends.h"
#include "tools/sweeps/run_table.h"

namespace polarize {
namespace {

// One of the reference's three models.
struct MapModel {
  const char* name;  // in the pictures' names
  const char* attention_type;
  const char* positional_type;
};
constexpr MapModel kMapModels[] = {
    {"softmax", "softmax", "add"},
    {"sigmoid", "sigmoid_unnorm", "concat"},
    {"linear", "raw_dotproduct_unnorm", "concat"},
};

// The id of the first run like this, or "".
std::string FindRun(const RunTable& runs, const std::string& attention_type,
                    const std::string& positional_type) {
  const std::vector<size_t> rows =
      runs.Where({{"attention_type", attention_type},
                  {"positional_type", positional_type},
                  {"num_heads", "4"},
                  {"shift_query_token", "True"},
                  {"aux_loss_weight", "0.2"},
                  {"lr", "0.001"}});
  return rows.empty() ? "" : std::string(runs.Text(rows[0], "run_id"));
}

absl::StatusOr<Drawn> DrawMaps(const FigureInputs& inputs, Figures& figures) {
  absl::StatusOr<TypedTable> table = TypedTable::Read(inputs.induction_csv);
  if (!table.ok()) return table.status();
  const RunTable runs(*std::move(table));
  Drawn drawn;
  for (const MapModel& model : kMapModels) {
    std::string id = FindRun(runs, model.attention_type, model.positional_type);
    if (id.empty()) id = FindRun(runs, model.attention_type, "add");
    if (id.empty()) {
      drawn.missing.push_back({absl::StrCat("attention_map_", model.name, "_*"),
                               "not run: no run like the reference's"});
      continue;
    }
    absl::StatusOr<Drawn> maps = DrawAttentionMaps(
        {{model.name, absl::StrCat(inputs.Sweep("induction"), "/runs/", id)}},
        AttentionChoice(), figures);
    if (!maps.ok()) return maps;
    drawn.Append(*std::move(maps));
  }
  return drawn;
}

absl::StatusOr<Drawn> DrawTrends(
    const std::string& csv, const std::string& sweep, Figures& figures,
    absl::StatusOr<Drawn> (*draw)(absl::Span<const TrendRun>, Figures&)) {
  const absl::StatusOr<std::vector<TrendRun>> runs = TrendRunsOf(csv, sweep);
  if (!runs.ok()) return runs.status();
  return draw(*runs, figures);
}

// What one of the functions above drew, as it comes.
class Reporter {
 public:
  Reporter(const FigureInputs& inputs, PictureLog& log)
      : folder_(inputs.out), log_(log) {}

  // `pictures`: what is missing if its input is.
  void Take(const char* pictures, const absl::StatusOr<Drawn>& drawn) {
    if (absl::IsNotFound(drawn.status())) {
      log_.NoData(pictures, drawn.status().message());
    } else if (!drawn.ok()) {
      status_.Update(drawn.status());
    } else {
      for (const DrawnPicture& picture : drawn->pictures) {
        status_.Update(
            WriteFileWhole(absl::StrCat(folder_, "/", picture.name, ".txt"),
                           absl::StrCat(picture.caption, "\n")));
        log_.Drawn(picture.name);
      }
      for (const MissingPicture& picture : drawn->missing) {
        log_.NoData(picture.name, picture.why);
      }
    }
  }
  const absl::Status& status() const { return status_; }

 private:
  std::string folder_;
  PictureLog& log_;
  absl::Status status_;
};

}  // namespace

absl::Status DrawTrendPictures(const FigureInputs& inputs, PictureLog& log) {
  absl::StatusOr<Figures> figures = Figures::In(inputs.out);
  if (!figures.ok()) return figures.status();
  Reporter reporter(inputs, log);
  reporter.Take("sink_share_by_threshold",
                DrawSinkShares(inputs.induction_csv, *figures));
  reporter.Take("sparsity_share_by_threshold",
                DrawSparsityShares(inputs.classification_csv, *figures));
  reporter.Take("induction_over_training",
                DrawTrends(inputs.induction_csv, inputs.Sweep("induction"),
                           *figures, DrawInductionTrends));
  reporter.Take(
      "classification_over_training",
      DrawTrends(inputs.classification_csv, inputs.Sweep("classification"),
                 *figures, DrawClassificationTrends));
  reporter.Take("attention_map_*, attention_grid_*",
                DrawMaps(inputs, *figures));
  reporter.Take("classification_with_sample_tracking",
                DrawSampleTracking(inputs.Sweep("tracking"), *figures));
  reporter.Take(
      "sink_scores",
      DrawSinkScores(absl::StrCat(inputs.sweeps, "/pretrained.csv"), *figures));
  return reporter.status();
}

}  // namespace polarize
