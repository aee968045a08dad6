// Running the program gnuplot, and text in its language.
#ifndef POLARIZE_EXPERIMENTS_RUN_GNUPLOT_H_
#define POLARIZE_EXPERIMENTS_RUN_GNUPLOT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace polarize {

// A gnuplot string that shows `text` as it is; control characters are spaces.
std::string GnuplotString(absl::string_view text);

// The same as the label of a tic, which gnuplot reads as a number format.
std::string GnuplotTicLabel(absl::string_view text);

// The shortest number that reads back the same; NaN if not finite.
std::string GnuplotNumber(double value);

// Of text that names no font of its own.
struct BaseFont {
  bool serif = false;
  double points = 9;
};

// A script that draws `plot` (commands, with no output of their own) to
// NAME.svg and NAME.pdf of this size.
std::string GnuplotScript(absl::string_view name, double width_inches,
                          double height_inches, absl::string_view plot,
                          const BaseFont& font = {});

// Runs `gnuplot NAME.gp` in the folder; its pictures appear whole or not at
// all. NotFound if there is no such program; other errors hold what it printed.
absl::Status RunGnuplot(const std::string& folder, const std::string& name);

// The same for several scripts in one process: starting it takes longer than
// most pictures do. What goes wrong with one keeps all from appearing.
absl::Status RunGnuplot(const std::string& folder,
                        const std::vector<std::string>& names);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_GNUPLOT_H_
