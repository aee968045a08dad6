#include "tools/figures/inputs.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "experiments/run/user_path.h"
#include "experiments/sweep/collect.h"

namespace polarize {

std::string FigureInputs::Sweep(absl::string_view name) const {
  return absl::StrCat(sweeps, "/", name);
}

FigureInputs WithDefaults(FigureInputs given) {
  FigureInputs inputs;
  const auto path = [](const std::string& value, const std::string& otherwise) {
    return value.empty() ? otherwise : UserPath(value);
  };
  inputs.sweeps = path(given.sweeps, UserPath("sweeps"));
  inputs.induction_csv =
      path(given.induction_csv,
           absl::StrCat(inputs.Sweep("induction"), "/induction_data.csv"));
  inputs.classification_csv = path(
      given.classification_csv,
      absl::StrCat(inputs.Sweep("classification"), "/classification_data.csv"));
  inputs.out = path(given.out, absl::StrCat(inputs.sweeps, "/figures"));
  return inputs;
}

absl::Status CheckGiven(const FigureInputs& given) {
  for (const std::string& csv :
       {given.induction_csv, given.classification_csv}) {
    const std::string path = UserPath(csv);
    if (!csv.empty() && !PathExists(path)) {
      return absl::NotFoundError(absl::StrCat("there is no file ", path));
    }
  }
  return absl::OkStatus();
}

absl::Status CollectMissing(FigureInputs& inputs, PictureLog& log) {
  struct Section {
    const char* name;
    std::string& csv;
  };
  for (const Section& section :
       {Section{"induction", inputs.induction_csv},
        Section{"classification", inputs.classification_csv}}) {
    const std::string sweep = inputs.Sweep(section.name);
    if (PathExists(section.csv) || !PathExists(sweep + "/runs")) continue;
    const absl::StatusOr<CollectResult> result = Collect({sweep}, {});
    if (absl::IsFailedPrecondition(result.status())) {
      log.Note(result.status().message());
      continue;
    }
    if (!result.ok()) return result.status();
    absl::StatusOr<std::string> csv = WriteCollected(*result, inputs.out);
    if (!csv.ok()) return csv.status();
    section.csv = *std::move(csv);
    log.Note(absl::StrCat("no CSV file: collected ", result->data.rows.size(),
                          " runs of ", sweep, ", ", result->missing.size(),
                          " are not over"));
  }
  return absl::OkStatus();
}

}  // namespace polarize
