#include "experiments/classification/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace polarize {
namespace {

// NaN if one of them is, as in the reference.
double Larger(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return std::max(a, b);
}

}  // namespace

template <typename T>
ClsObserver<T>::ClsObserver(size_t layers, size_t heads, size_t positions,
                            size_t maps)
    : heads_(heads),
      positions_(positions),
      kept_(maps),
      sums_(layers * heads),
      maps_(maps, layers, heads, positions) {}

template <typename T>
void ClsObserver<T>::Clear() {
  std::fill(sums_.begin(), sums_.end(), Sums());
}

// The statistics do not depend on the order of the keys, maps do.
template <typename T>
ObserverInterest::Interest ClsObserver<T>::InterestIn(size_t sample,
                                                      size_t position) const {
  using Interest = ObserverInterest::Interest;
  if (sample < kept_) return Interest::kOwn;
  return position + 1 == positions_ ? Interest::kCounted : Interest::kNone;
}

template <typename T>
void ClsObserver<T>::Row(size_t layer, size_t head, const Observation& row,
                         absl::Span<const T> weights) {
  maps_.Row(layer, head, row.sequence, row.position, weights);
  if (row.position + 1 != positions_) return;
  double max = -std::numeric_limits<double>::infinity(), abs_max = 0;
  double sum = 0, abs_sum = 0;
  for (const T w : weights) {
    const double weight = w;
    max = Larger(max, weight);
    abs_max = Larger(abs_max, std::abs(weight));
    sum += weight;
    abs_sum += std::abs(weight);
  }
  Sums& sums = sums_[layer * heads_ + head];
  const double count = row.count;
  sums.max += count * max;
  sums.sum += count * sum;
  sums.sum_of_squares += count * sum * sum;
  sums.relative += count * (max / sum);
  sums.abs_relative += count * (abs_max / abs_sum);
  sums.rows += row.count;
  if (abs_sum != 0) {
    sums.entropy += count * RowEntropy(weights, abs_sum);
    sums.entropy_rows += row.count;
  }
}

template <typename T>
ClsStatistics ClsObserver<T>::Get(size_t layer, size_t head) const {
  const Sums& sums = sums_[layer * heads_ + head];
  const double n = static_cast<double>(sums.rows);
  ClsStatistics s;
  s.abs_attn_max = sums.max / n;
  s.abs_attn_sum = sums.sum / n;
  s.rel_attn_max = sums.relative / n;
  s.abs_rel_attn_max = sums.abs_relative / n;
  s.row_sum_sd = DeviationOfSums(sums.sum, sums.sum_of_squares, n);
  s.entropy = sums.entropy / static_cast<double>(sums.entropy_rows);
  return s;
}

template class ClsObserver<float>;
template class ClsObserver<double>;

}  // namespace polarize
