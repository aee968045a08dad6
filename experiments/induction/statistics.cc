#include "experiments/induction/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace polarize {
namespace {

// Keeps the reference's quotients finite.
constexpr double kQuotientEpsilon = 1e-9;

}  // namespace

template <typename T>
StatisticsObserver<T>::StatisticsObserver(size_t layers, size_t heads,
                                          size_t positions, size_t maps,
                                          std::vector<uint32_t> triggers)
    : heads_(heads),
      positions_(positions),
      triggers_(std::move(triggers)),
      sums_(layers * heads),
      maps_(maps, layers, heads, positions) {}

template <typename T>
void StatisticsObserver<T>::Clear() {
  std::fill(sums_.begin(), sums_.end(), Sums());
}

template <typename T>
void StatisticsObserver<T>::Row(size_t layer, size_t head,
                                const Observation& row,
                                absl::Span<const T> weights) {
  const size_t q = row.position;
  maps_.Row(layer, head, row.sequence, q, weights);
  Sums& sums = sums_[layer * heads_ + head];
  if (Counts(row.sequence, q)) AddRow(sums, weights);
  if (q + 1 == positions_) FinishSequence(sums);
}

template <typename T>
void StatisticsObserver<T>::AddRow(Sums& sums, absl::Span<const T> weights) {
  double row_sum = 0, row_size = 0;
  for (T w : weights) {
    row_sum += w;
    row_size += std::abs(w);
  }
  sums.bos += weights[0];
  sums.all += row_sum;
  sums.relative += weights[0] / (row_sum + kQuotientEpsilon);
  sums.abs_bos += std::abs(weights[0]);
  sums.abs_all += row_size;
  sums.row_sum += row_sum;
  sums.row_sum_square += row_sum * row_sum;
  ++sums.rows;
  ++sums.rows_read;
  if (row_size != 0) {
    sums.entropy += RowEntropy(weights, row_size);
    ++sums.entropy_rows;
  }
}

template <typename T>
void StatisticsObserver<T>::FinishSequence(Sums& sums) {
  if (sums.rows_read > 0) {
    const double rows = static_cast<double>(sums.rows_read);
    sums.abs_attn_bos += sums.bos / rows;
    sums.abs_attn_all += sums.all / rows;
    sums.rel_attn_bos += sums.relative / rows;
    sums.rel_attn_bos_global += sums.bos / (sums.all + kQuotientEpsilon);
    sums.abs_rel_attn_bos_global +=
        sums.abs_bos / (sums.abs_all + kQuotientEpsilon);
    ++sums.sequences;
  }
  sums.bos = sums.all = sums.relative = sums.abs_bos = sums.abs_all = 0;
  sums.rows_read = 0;
}

template <typename T>
HeadStatistics StatisticsObserver<T>::Get(size_t layer, size_t head) const {
  const Sums& sums = sums_[layer * heads_ + head];
  const double n = static_cast<double>(sums.sequences);
  const double rows = static_cast<double>(sums.rows);
  HeadStatistics s;
  s.abs_attn_bos = sums.abs_attn_bos / n;
  s.abs_attn_all = sums.abs_attn_all / n;
  s.rel_attn_bos = sums.rel_attn_bos / n;
  s.rel_attn_bos_global = sums.rel_attn_bos_global / n;
  s.abs_rel_attn_bos_global = sums.abs_rel_attn_bos_global / n;
  s.row_sum_sd = DeviationOfSums(sums.row_sum, sums.row_sum_square, rows);
  s.entropy = sums.entropy / static_cast<double>(sums.entropy_rows);
  if (sums.rows > 0 && sums.entropy_rows == 0 && sums.row_sum == 0) {
    s.rel_attn_bos = s.rel_attn_bos_global = s.abs_rel_attn_bos_global =
        std::numeric_limits<double>::quiet_NaN();
  }
  return s;
}

template class StatisticsObserver<float>;
template class StatisticsObserver<double>;

}  // namespace polarize
