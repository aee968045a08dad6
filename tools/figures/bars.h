// The bar charts of the paper's section 4, from the CSV files of the sweeps.
#ifndef POLARIZE_TOOLS_FIGURES_BARS_H_
#define POLARIZE_TOOLS_FIGURES_BARS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "experiments/run/figures.h"
#include "tools/figures/bar_pictures.h"
#include "tools/figures/inputs.h"
#include "tools/figures/picture_log.h"
#include "tools/figures/runs.h"

namespace polarize {

// Every picture of the paper's grid is in these lists, and those of other
// values that the runs have. Filters are the reference's.

// main_figure: aux 0.2, shifted, positions added. Runs with an accuracy above
// 0.95.
BarPicture MainFigure(const std::vector<InductionRun>& runs);

// sink_proportions_aux{0.0,0.2}_{noshift,shift}_{add,concat,no}. Runs with an
// accuracy above 0.95.
std::vector<BarPicture> SinkProportions(const std::vector<InductionRun>& runs);

// accuracy_aux{0.0,0.2}_{noshift,shift}_{add,concat,no}. All runs.
std::vector<BarPicture> Accuracies(const std::vector<InductionRun>& runs);

// fliprate_vocab{41,81,161}_{nomlp,mlp}_{noln,ln}. Runs with one head in all.
std::vector<BarPicture> FlipRates(const std::vector<ClassificationRun>& runs);

// sparsity_layers{1,2}_heads{1,2,4}: four panels. Runs with a vocabulary of 41.
std::vector<BarPicture> SparsityGrids(
    const std::vector<ClassificationRun>& runs);

// Draws all of them, each with its detailed picture and its CSV file. A CSV
// file of runs that is not there leaves its pictures out; one that cannot be
// read is an error.
absl::Status DrawBars(const FigureInputs& inputs, PictureLog& log);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_BARS_H_
