#include "tools/figures/inputs.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "experiments/run/user_path.h"

namespace polarize {
namespace {

bool Exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

}  // namespace

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

absl::Status EnsureCsv(const std::string& csv, const std::string& sweep) {
  if (Exists(csv)) return absl::OkStatus();
  if (Exists(absl::StrCat(sweep, "/runs"))) {
    return absl::NotFoundError(absl::StrCat(
        "no file ", csv, ": bazel run //experiments:sweep -- collect ", sweep));
  }
  return absl::NotFoundError(
      absl::StrCat("neither the file ", csv, " nor runs in ", sweep));
}

}  // namespace polarize
