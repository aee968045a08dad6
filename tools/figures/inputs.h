// What the pictures of a sweep are drawn from, and where to.
#ifndef POLARIZE_TOOLS_FIGURES_INPUTS_H_
#define POLARIZE_TOOLS_FIGURES_INPUTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace polarize {

struct FigureInputs {
  std::string induction_csv;
  std::string classification_csv;
  // Holds the folders `induction` and `classification` of the two sweeps.
  std::string sweeps;
  std::string out;  // folder of the pictures

  // The folder of the sweep called `name`.
  std::string Sweep(absl::string_view name) const;
};

// With what is not given (empty) at its default: sweeps/ below the user's
// directory, NAME/NAME_data.csv and figures/ below that. All paths mean the
// user's directory (see UserPath).
FigureInputs WithDefaults(FigureInputs given);

// Makes the CSV file of a sweep from the runs in its folder if only the latter
// is there. NotFound, with what to do about it, if neither is.
absl::Status EnsureCsv(const std::string& csv, const std::string& sweep);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_INPUTS_H_
