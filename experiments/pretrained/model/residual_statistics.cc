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

// mean_abs, max_abs, largest and norm; how many prompts is known without.
constexpr size_t kStatePerPosition = 4;

size_t ResidualStatistics::StateSize() const {
  return positions_ * kStatePerPosition;
}

std::vector<double> ResidualStatistics::State(size_t layer) const {
  std::vector<double> state;
  for (size_t i = 0; i < positions_; ++i) {
    const ResidualSize& total = totals_[layer * positions_ + i];
    for (const double value :
         {total.mean_abs, total.max_abs, total.largest, total.norm}) {
      state.push_back(value);
    }
  }
  return state;
}

void ResidualStatistics::Restore(size_t layer, absl::Span<const double> state) {
  for (size_t i = 0; i < positions_; ++i) {
    const double* const values = state.data() + i * kStatePerPosition;
    size_t prompts = 0;
    for (size_t p = 0; p < prompts_.size(); ++p) {
      prompts += prompts_.length(p) > i;
    }
    totals_[layer * positions_ + i] = {prompts, values[0], values[1], values[2],
                                       values[3]};
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
