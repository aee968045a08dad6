#include "experiments/model/attention_statistics.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace polarize {

std::string StatisticKey(size_t layer, size_t head, std::string_view name) {
  return absl::StrCat(layer, "_", head, "_", name);
}

template <typename T>
double RowEntropy(absl::Span<const T> weights, double total) {
  double entropy = 0;
  for (T w : weights) {
    const double p = std::abs(w) / total;
    if (p != 0) entropy -= p * std::log(p);  // NaN counts
  }
  return entropy;
}

double DeviationOfSums(double sum, double sum_of_squares, double n) {
  const double mean = sum / n;
  const double variance = sum_of_squares / n - mean * mean;
  return variance < 0 ? 0 : std::sqrt(variance);  // NaN stays NaN
}

template <typename T>
void KeptMaps::Row(size_t layer, size_t head, size_t sequence, size_t position,
                   absl::Span<const T> weights) {
  if (sequence >= sequences_) return;
  std::copy(
      weights.begin(), weights.end(),
      kept_.begin() +
          (Index(sequence, layer, head) * positions_ + position) * positions_);
}

absl::Span<const float> KeptMaps::Map(size_t sequence, size_t layer,
                                      size_t head) const {
  const size_t size = positions_ * positions_;
  return absl::MakeConstSpan(kept_).subspan(Index(sequence, layer, head) * size,
                                            size);
}

template double RowEntropy(absl::Span<const float>, double);
template double RowEntropy(absl::Span<const double>, double);
template void KeptMaps::Row(size_t, size_t, size_t, size_t,
                            absl::Span<const float>);
template void KeptMaps::Row(size_t, size_t, size_t, size_t,
                            absl::Span<const double>);

}  // namespace polarize
