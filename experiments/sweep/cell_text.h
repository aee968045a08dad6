// How values are spelled in tables of runs: as Python does, whose readers the
// tables are for.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_CELL_TEXT_H_
#define POLARIZE_EXPERIMENTS_SWEEP_CELL_TEXT_H_

#include <string>

#include "experiments/run/flat_config.h"
#include "experiments/run/json_file.h"

namespace polarize {

// The shortest text that reads back as the same double, with a point or an
// exponent: 0.001, 4.0, 1e-05. Empty for NaN; "inf", "-inf".
std::string FloatText(double value);

// True, False, 12, 0.001, text as it is.
std::string CellText(const FlatValue& value);

// The same; null is empty.
std::string CellText(const JsonScalar& value);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_CELL_TEXT_H_
