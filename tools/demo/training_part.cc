#include "tools/demo/training_part.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/classification/classification_embedded_config.h"
#include "experiments/classification/config.h"
#include "experiments/classification/run.h"
#include "experiments/model/model_setup.h"
#include "experiments/run/csv.h"
#include "experiments/run/file.h"
#include "experiments/run/json_file.h"
#include "tools/demo/quiet_output.h"

namespace polarize {
namespace {

constexpr char kLabel[] = "0";  // of the sample that is followed

absl::StatusOr<ClassificationConfig> ConfigOf(const std::string& attention_type,
                                              int epochs) {
  const std::vector<std::string> settings = {
      absl::StrCat("name=", attention_type),
      absl::StrCat("attention_type=", attention_type),
      "num_layers=1",
      "num_heads=1",
      "use_mlp=false",
      "use_layernorm=false",
      absl::StrCat("num_epochs=", epochs),
      "map_samples=1",
      "track_samples=true"};
  return LoadClassificationConfig(
      {kClassificationConfigFile, kClassificationConfigText}, settings,
      AttentionTypes());
}

absl::StatusOr<int> RunQuietly(const ClassificationConfig& config,
                               const RunFlags& flags, int argc,
                               const char* const* argv) {
  const std::string log = absl::StrCat(flags.out, "/log.txt");
  const absl::Status made = MakeFolders(flags.out);
  if (!made.ok()) return made;
  const absl::StatusOr<QuietOutput> quiet = QuietOutput::To(log);
  if (!quiet.ok()) return quiet.status();
  return RunClassification(config, flags, argc, argv);
}

double NumberOr(const FlatJson& object, absl::string_view name,
                double otherwise) {
  const double* const number = NumberIn(object, name);
  return number == nullptr ? otherwise : *number;
}

absl::Status ReadSummary(TrainingPart& part) {
  const absl::StatusOr<FlatJson> summary =
      ReadFlatJson(absl::StrCat(part.folder, "/summary.json"));
  if (!summary.ok()) return summary.status();
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  part.steps = NumberOr(*summary, "steps", kNone);
  part.accuracy = NumberOr(*summary, "eval/acc", kNone);
  part.sparsity = NumberOr(*summary, "0_0_rel_attn_max", kNone);
  part.row_sum = NumberOr(*summary, "0_0_abs_attn_sum", kNone);
  part.flip_rate =
      NumberOr(*summary, "mixing/0_0/avg_top1_dominance_rate", kNone);
  return absl::OkStatus();
}

// The number in a cell; NaN if it is none.
double CellNumber(const std::string& cell) {
  double number;
  return absl::SimpleAtod(cell, &number)
             ? number
             : std::numeric_limits<double>::quiet_NaN();
}

// The rows of the table whose label is that of the sample.
std::vector<const std::vector<std::string>*> RowsOf(const CsvTable& table) {
  std::vector<const std::vector<std::string>*> rows;
  const int label = ColumnOf(table, "label");
  for (const std::vector<std::string>& row : table.rows) {
    if (label >= 0 && row[label] == kLabel) rows.push_back(&row);
  }
  return rows;
}

// The columns "PREFIX0", "PREFIX1" ...
std::vector<size_t> ColumnsOf(const CsvTable& table, absl::string_view prefix) {
  std::vector<size_t> columns;
  for (int column;
       (column = ColumnOf(table, absl::StrCat(prefix, columns.size()))) >= 0;) {
    columns.push_back(static_cast<size_t>(column));
  }
  return columns;
}

absl::StatusOr<TerminalMap> MapOf(const TrainingPart& part, size_t width) {
  const std::string samples_file =
      absl::StrCat(part.folder, "/tracking_samples.csv");
  const std::string steps_file = absl::StrCat(part.folder, "/tracking.csv");
  const absl::StatusOr<CsvTable> samples = ReadCsv(samples_file);
  if (!samples.ok()) return samples.status();
  const absl::StatusOr<CsvTable> table = ReadCsv(steps_file);
  if (!table.ok()) return table.status();
  const auto sample = RowsOf(*samples), steps = RowsOf(*table);
  const std::vector<size_t> tokens = ColumnsOf(*samples, "token_");
  const std::vector<size_t> weights = ColumnsOf(*table, "attn_");
  const int step_column = ColumnOf(*table, "step");
  if (sample.empty() || steps.empty() || weights.size() != tokens.size() ||
      step_column < 0) {
    return absl::DataLossError(
        absl::StrCat(steps_file, ": no steps of label ", kLabel, " to show"));
  }

  std::vector<std::string> labels;
  for (const size_t column : tokens) {
    const std::string& token = (*sample[0])[column];
    labels.push_back(token == "0" ? "CLS" : token);
  }
  std::vector<double> times;
  std::vector<std::vector<double>> cells;
  for (const auto* step : steps) {
    times.push_back(CellNumber((*step)[static_cast<size_t>(step_column)]));
    cells.emplace_back();
    for (const size_t column : weights) {
      cells.back().push_back(CellNumber((*step)[column]));
    }
  }
  TerminalMap map = MapOverTime(std::move(labels), times, cells, width);
  map.title = part.name;
  map.full = 1;
  map.left = absl::StrFormat("step %.0f", times.front());
  map.right = absl::StrFormat("step %.0f", times.back());
  return map;
}

}  // namespace

absl::StatusOr<TrainingPart> RunTrainingPart(const std::string& attention_type,
                                             int epochs, const RunFlags& flags,
                                             size_t width, int argc,
                                             const char* const* argv) {
  const absl::StatusOr<ClassificationConfig> config =
      ConfigOf(attention_type, epochs);
  if (!config.ok()) return config.status();
  TrainingPart part;
  part.name = attention_type;
  part.folder = flags.out;
  const absl::StatusOr<int> code = RunQuietly(*config, flags, argc, argv);
  if (!code.ok()) {
    return absl::Status(
        code.status().code(),
        absl::StrCat(attention_type, ": ", code.status().message(), " (see ",
                     part.folder, "/log.txt)"));
  }
  part.exit_code = *code;
  if (part.exit_code != 0) return part;
  const absl::Status read = ReadSummary(part);
  if (!read.ok()) return read;
  absl::StatusOr<TerminalMap> map = MapOf(part, width);
  if (!map.ok()) return map.status();
  part.map = *std::move(map);
  return part;
}

std::string TrainingTable(absl::Span<const TrainingPart> parts) {
  struct Row {
    const char* label;
    double TrainingPart::*number;
    const char* note;
  };
  constexpr Row kRows[] = {
      {"accuracy", &TrainingPart::accuracy, "guessing: 0.250"},
      {"sparsity", &TrainingPart::sparsity,
       "the largest share at CLS; equal: 0.091"},
      {"row sum", &TrainingPart::row_sum, "of the weights at CLS"},
      {"flips", &TrainingPart::flip_rate,
       "by the top token of another sample"}};
  std::string text(10, ' ');
  for (const TrainingPart& part : parts) {
    absl::StrAppendFormat(&text, "%*s", part.name.size() + 2, part.name);
  }
  text += '\n';
  for (const Row& row : kRows) {
    absl::StrAppendFormat(&text, "%-10s", row.label);
    for (const TrainingPart& part : parts) {
      absl::StrAppendFormat(&text, "%*.3f", part.name.size() + 2,
                            part.*row.number);
    }
    absl::StrAppend(&text, "   ", row.note, "\n");
  }
  return text;
}

std::string TrainingSummary(const TrainingPart& part) {
  const char* const looks =
      part.sparsity > 0.9   ? "comes to look at one token alone"
      : part.sparsity > 0.5 ? "comes to look at one token most of all"
                            : "goes on looking at several tokens";
  std::string flips = "no pair of samples to flip was found";
  if (part.flip_rate == 0) {
    flips = "exchanging its top token flips no prediction";
  } else if (part.flip_rate == 1) {
    flips = "exchanging that one token flips every prediction";
  } else if (part.flip_rate > 0) {
    flips =
        absl::StrFormat("exchanging its top token flips %.0f%% of predictions",
                        100 * part.flip_rate);
  }
  return absl::StrCat(part.name, " ", looks, "; ", flips, ".");
}

}  // namespace polarize
