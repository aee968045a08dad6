// Where the pictures of the paper's toy models (section 3) are: the experiment
// value_softmax draws them under the paper's names.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_TOY_PICTURES_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_TOY_PICTURES_H_

#include <string>
#include <vector>

#include "absl/types/span.h"

namespace polarize {

struct ToyPicture {
  const char* name;    // of the paper's file, without ".pdf", and of ours
  const char* config;  // //experiments:value_softmax draws it with this
                       // config, in a run folder of this name
  const char* shows;   // one line
};

// In the paper's order.
absl::Span<const ToyPicture> ToyPictures();

// The picture's file among run folders: ROOT/CONFIG/figures/NAME or, as in
// docs/results/value_softmax, ROOT/CONFIG/NAME; ".svg" before ".pdf". Empty if
// there is none.
std::string ToyPictureFile(const std::string& root, const ToyPicture& picture);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_TOY_PICTURES_H_
