// How large the residual stream is at each position: massive activations.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_RESIDUAL_STATISTICS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_RESIDUAL_STATISTICS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "experiments/pretrained/model/forward.h"
#include "experiments/pretrained/model/prompts.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// Of one layer's input at one position, over the prompts that are long enough.
struct ResidualSize {
  size_t prompts = 0;
  double mean_abs = 0;  // mean over prompts of mean |x|
  double max_abs = 0;   // mean over prompts of max |x|
  double largest = 0;   // largest |x| of any prompt
  double norm = 0;      // mean over prompts of the Euclidean norm
};

class ResidualStatistics {
 public:
  // prompts must outlive it.
  ResidualStatistics(size_t layers, const Prompts& prompts);

  // Takes the hidden states as layer `layer` is about to read them.
  void Look(size_t layer, const PretrainedForward& forward,
            ParallelFor& parallel);

  // As of HeadStatistics, of a layer that was looked at.
  size_t StateSize() const;
  std::vector<double> State(size_t layer) const;
  void Restore(size_t layer, absl::Span<const double> state);

  ResidualSize At(size_t layer, size_t position) const;
  size_t layers() const { return layers_; }
  size_t positions() const { return positions_; }

 private:
  struct RowSize {
    double mean_abs, max_abs, norm;
  };
  static RowSize SizeOf(const float* x, size_t width);

  size_t layers_, positions_;
  const Prompts& prompts_;
  std::vector<RowSize> rows_;         // of the layer at work
  std::vector<ResidualSize> totals_;  // (layer, position), sums
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_RESIDUAL_STATISTICS_H_
