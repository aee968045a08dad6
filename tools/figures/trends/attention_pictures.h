// The paper's attention maps of trained models.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_ATTENTION_PICTURES_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_ATTENTION_PICTURES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/figures.h"
#include "tools/figures/trends/drawn.h"

namespace polarize {

struct AttentionRun {
  std::string name;    // in the pictures' names: softmax, sigmoid, linear
  std::string folder;  // with attention.safetensors: float32 "attention"
                       // [samples, layers, heads, T, T] and int32 "tokens"
                       // [samples, T]
};

struct AttentionChoice {
  size_t samples = 5;              // the first ones
  size_t layer = 1;                // of the small maps; grids show all
  std::string token_zero = "BOS";  // what token 0 is called
};

// Draws for every run, sample and head of the layer
//   attention_map_{name}_{sample}_{layer}_{head}   1 x 1 inch, -1 to 1, bare
// and for every run and sample, all layers and heads with labels and bars,
//   attention_grid_{name}_{sample}                 6 H x 5 L inches, viridis
// A run without its file, and samples or a layer that a file lacks, are
// reported as missing; a file that is no such file is an error.
absl::StatusOr<Drawn> DrawAttentionMaps(absl::Span<const AttentionRun> runs,
                                        const AttentionChoice& choice,
                                        Figures& figures);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_ATTENTION_PICTURES_H_
