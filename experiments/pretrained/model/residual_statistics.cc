#include "experiments/pretrained/model/residual_statistics.h"

#include <algorithm>
#include <cmath>

namespace polarize {

ResidualStatistics::ResidualStatistics(size_t layers, const Prompts& prompts)
    : layers_(layers),
      positions_(prompts.longest()),
      prompts_(prompts),
      rows_(prompts.rows()),
      totals_(layers * positions_) {}

ResidualStatistics::RowSize ResidualStatistics::SizeOf(const float* x,
                                                       size_t width) {
  double sum = 0, squares = 0;
  float largest = 0;
  for (size_t c = 0; c < width; ++c) {
    const float size = std::abs(x[c]);
    sum += size;
    squares += static_cast<double>(size) * size;
    largest = std::max(largest, size);
  }
  return {sum / static_cast<double>(width), largest, std::sqrt(squares)};
}

void ResidualStatistics::Look(size_t layer, const PretrainedForward& forward,
                              ParallelFor& parallel) {
  const size_t width = forward.sizes().embed_dim;
  parallel.Run(prompts_.size(), [&](size_t prompt) {
    const float* const x = forward.Hidden(prompt).data();
    for (size_t i = 0; i < prompts_.length(prompt); ++i) {
      rows_[prompts_.first_row(prompt) + i] = SizeOf(x + i * width, width);
    }
  });
  for (size_t prompt = 0; prompt < prompts_.size(); ++prompt) {
    for (size_t i = 0; i < prompts_.length(prompt); ++i) {
      const RowSize& row = rows_[prompts_.first_row(prompt) + i];
      ResidualSize& total = totals_[layer * positions_ + i];
      ++total.prompts;
      total.mean_abs += row.mean_abs;
      total.max_abs += row.max_abs;
      total.largest = std::max(total.largest, row.max_abs);
      total.norm += row.norm;
    }
  }
}

ResidualSize ResidualStatistics::At(size_t layer, size_t position) const {
  ResidualSize size = totals_[layer * positions_ + position];
  const double n = static_cast<double>(size.prompts);
  size.mean_abs /= n;
  size.max_abs /= n;
  size.norm /= n;
  return size;
}

}  // namespace polarize
