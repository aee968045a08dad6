// What the pictures of a sweep are drawn from, and where to.
#ifndef POLARIZE_TOOLS_FIGURES_INPUTS_H_
#define POLARIZE_TOOLS_FIGURES_INPUTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tools/figures/picture_log.h"

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

// NotFound if a CSV file that the user named is not there.
absl::Status CheckGiven(const FigureInputs& given);

// Where a CSV file is missing but the folder of its sweep is there: collects
// the runs that are over into a file in `out`, anew each time, and takes that
// one. Says so in the log. A folder of which nothing can be collected yet, or
// whose runs do not go together, is a note there, too; a damaged one is an
// error.
absl::Status CollectMissing(FigureInputs& inputs, PictureLog& log);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_INPUTS_H_
