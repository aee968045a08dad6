#include "experiments/pretrained/model/outputs.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/pretrained/model/npy.h"
#include "experiments/run/csv.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

using Score = double HeadScores::*;

const std::vector<std::pair<const char*, Score>>& ScoreColumns() {
  static const auto& columns = *new std::vector<std::pair<const char*, Score>>{
      {"score", &HeadScores::max_proportion},
      {"first_token_proportion", &HeadScores::first_token_proportion},
      {"max_share", &HeadScores::max_share},
      {"largest_key_share", &HeadScores::largest_key_share},
      {"largest_key_is_first", &HeadScores::largest_key_is_first},
      {"entropy", &HeadScores::entropy},
      {"row_sum", &HeadScores::row_sum},
      {"row_sum_deviation", &HeadScores::row_sum_deviation}};
  return columns;
}

// Read back it is the same number.
std::string Cell(double value) {
  return std::isfinite(value) ? absl::StrFormat("%.17g", value) : "";
}

std::vector<double> Matrix(const HeadStatistics& heads, Score score) {
  std::vector<double> values;
  for (size_t l = 0; l < heads.layers(); ++l) {
    for (size_t n = 0; n < heads.heads(); ++n) {
      values.push_back(heads.Scores(l, n).*score);
    }
  }
  return values;
}

CsvTable HeadTable(absl::string_view model, const HeadStatistics& heads) {
  CsvTable table;
  table.columns = {"model", "layer", "head"};
  for (const auto& column : ScoreColumns()) {
    table.columns.push_back(column.first);
  }
  for (size_t l = 0; l < heads.layers(); ++l) {
    for (size_t n = 0; n < heads.heads(); ++n) {
      const HeadScores scores = heads.Scores(l, n);
      std::vector<std::string> row = {std::string(model), absl::StrCat(l),
                                      absl::StrCat(n)};
      for (const auto& column : ScoreColumns()) {
        row.push_back(Cell(scores.*column.second));
      }
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

CsvTable ResidualTable(absl::string_view model,
                       const ResidualStatistics& residual) {
  CsvTable table;
  table.columns = {"model",    "layer",   "position", "prompts",
                   "mean_abs", "max_abs", "largest",  "norm"};
  for (size_t l = 0; l < residual.layers(); ++l) {
    for (size_t i = 0; i < residual.positions(); ++i) {
      const ResidualSize size = residual.At(l, i);
      table.rows.push_back({std::string(model), absl::StrCat(l),
                            absl::StrCat(i), absl::StrCat(size.prompts),
                            Cell(size.mean_abs), Cell(size.max_abs),
                            Cell(size.largest), Cell(size.norm)});
    }
  }
  return table;
}

// The table with the rows that the file has of other models before its own.
absl::Status WriteBesideOtherModels(const std::string& path,
                                    absl::string_view model, CsvTable table) {
  const absl::StatusOr<CsvTable> old = ReadCsv(path);
  if (!old.ok() && !absl::IsNotFound(old.status())) return old.status();
  if (old.ok()) {
    if (old->columns != table.columns) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": other columns than this run's; move it away"));
    }
    std::vector<std::vector<std::string>> rows;
    for (const std::vector<std::string>& row : old->rows) {
      if (row[0] != model) rows.push_back(row);
    }
    rows.insert(rows.end(), table.rows.begin(), table.rows.end());
    table.rows = std::move(rows);
  }
  return WriteFileWhole(path, CsvText(table));
}

HeatMap MapOf(std::string name, std::string title, const char* x_label,
              size_t columns, size_t layers) {
  HeatMap map;
  map.name = std::move(name);
  map.title = std::move(title);
  map.x.label = x_label;
  map.y.label = "layer";
  for (size_t i = 0; i < columns; ++i) {
    map.x.values.push_back(static_cast<double>(i));
  }
  for (size_t l = 0; l < layers; ++l) {
    map.y.values.push_back(static_cast<double>(l));
  }
  return map;
}

}  // namespace

absl::Status WriteOutputs(const std::string& folder, absl::string_view model,
                          const HeadStatistics& heads,
                          const ResidualStatistics& residual) {
  const std::pair<const char*, Score> arrays[] = {
      {"max_proportion", &HeadScores::max_proportion},
      {"first_token_proportion", &HeadScores::first_token_proportion}};
  for (const auto& [name, score] : arrays) {
    absl::Status status = WriteFileWhole(
        absl::StrCat(folder, "/", name, "_", model, ".npy"),
        NpyText(Matrix(heads, score), heads.layers(), heads.heads()));
    if (!status.ok()) return status;
  }
  absl::Status status = WriteBesideOtherModels(
      absl::StrCat(folder, "/pretrained.csv"), model, HeadTable(model, heads));
  if (!status.ok()) return status;
  return WriteBesideOtherModels(absl::StrCat(folder, "/residual.csv"), model,
                                ResidualTable(model, residual));
}

absl::Status DrawOutputs(absl::string_view model, const HeadStatistics& heads,
                         const ResidualStatistics& residual, Figures& figures) {
  struct Picture {
    const char *name, *title, *label;
    Score score;
  };
  for (const Picture& p :
       {Picture{"score", "largest weight of a row", "mean of max P",
                &HeadScores::max_proportion},
        Picture{"first_token", "share of the first token", "mean share",
                &HeadScores::first_token_proportion},
        Picture{"max_share", "share of a row's largest weight", "mean share",
                &HeadScores::max_share}}) {
    HeatMap map = MapOf(absl::StrCat(model, "_", p.name),
                        absl::StrCat(model, ": ", p.title), "head",
                        heads.heads(), heads.layers());
    map.cells = Matrix(heads, p.score);
    map.cell_label = p.label;
    map.cell_range = {0.0, 1.0};
    absl::Status status = figures.Draw(map);
    if (!status.ok()) return status;
  }
  HeatMap map = MapOf(absl::StrCat(model, "_residual"),
                      absl::StrCat(model, ": norm of a layer's input"),
                      "position", residual.positions(), residual.layers());
  map.cell_label = "log10 of the mean norm";
  for (size_t l = 0; l < residual.layers(); ++l) {
    for (size_t i = 0; i < residual.positions(); ++i) {
      map.cells.push_back(std::log10(residual.At(l, i).norm));
    }
  }
  return figures.Draw(map);
}

}  // namespace polarize
