// Attention statistics of the classification experiment: how much of a head's
// attention at CLS goes to one token.
//
// Source: the reference's get_metrics_for_dataset. Per sample, of the row A of
// CLS (all T keys, CLS itself included), then the mean over the evaluation
// samples:
//   abs_attn_max   max_k A_k
//   abs_attn_sum   sum_k A_k
//   rel_attn_max   max_k A_k / sum_k A_k                   the sparsity score
// Beside them stand what the reference lacks:
//   abs_rel_attn_max  max_k |A_k| / sum_k |A_k|, which stays in [0, 1] for
//                     kinds with negative weights
//   row_sum_sd        standard deviation of sum_k A_k over the samples
//   entropy           -sum_k p_k ln p_k in nats, p = |A| / sum |A|, over rows
//                     other than 0
// A statistic without rows is NaN, and so is one that met a NaN or 0 / 0.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_STATISTICS_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_STATISTICS_H_

#include <array>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "experiments/model/attention_statistics.h"
#include "experiments/model/observer.h"

namespace polarize {

struct ClsStatistics {
  double abs_attn_max = 0;
  double abs_attn_sum = 0;
  double rel_attn_max = 0;
  double abs_rel_attn_max = 0;
  double row_sum_sd = 0;
  double entropy = 0;
};

// Name and member of each, in the order in which they are written.
struct ClsStatistic {
  const char* name;
  double ClsStatistics::*value;
};
inline constexpr std::array<ClsStatistic, 6> kClsStatistics = {{
    {"abs_attn_max", &ClsStatistics::abs_attn_max},
    {"abs_attn_sum", &ClsStatistics::abs_attn_sum},
    {"rel_attn_max", &ClsStatistics::rel_attn_max},
    {"abs_rel_attn_max", &ClsStatistics::abs_rel_attn_max},
    {"row_sum_sd", &ClsStatistics::row_sum_sd},
    {"entropy", &ClsStatistics::entropy},
}};

// Collects the statistics, and the attention maps of the first samples, from
// forward passes.
template <typename T>
class ClsObserver : public AttentionObserver<T> {
 public:
  // maps: how many samples to keep whole.
  ClsObserver(size_t layers, size_t heads, size_t positions, size_t maps);

  // Forgets the statistics.
  void Clear();
  ObserverInterest::Interest InterestIn(size_t sample,
                                        size_t position) const override;
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const T> weights) override;

  // Of everything seen since Clear.
  ClsStatistics Get(size_t layer, size_t head) const;
  const KeptMaps& maps() const { return maps_; }

 private:
  struct Sums {
    double max = 0, sum = 0, sum_of_squares = 0, relative = 0, abs_relative = 0;
    double entropy = 0;
    size_t rows = 0, entropy_rows = 0;
  };

  size_t heads_, positions_, kept_;
  std::vector<Sums> sums_;  // per (layer, head)
  KeptMaps maps_;
};

extern template class ClsObserver<float>;
extern template class ClsObserver<double>;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_STATISTICS_H_
