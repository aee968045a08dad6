// Attention statistics of the induction experiment: how much of a head's
// attention goes to the first position.
//
// Source: the reference's get_metrics. Per sequence, over the query rows q =
// 1 .. T-3 (that drops the first position, the last content token and the query
// token; of the trigger task over all rows but the first and the trigger's,
// which is to do something), with r_q = sum_k A[q,k]:
//   abs_attn_bos         mean_q A[q,0]
//   abs_attn_all         mean_q r_q
//   rel_attn_bos         mean_q A[q,0] / (r_q + 1e-9)
//   rel_attn_bos_global  sum_q A[q,0] / (sum_q r_q + 1e-9)      the sink score
// and then the mean over the sequences. Key 0 is the first position: of a task
// without BOS the first content token, under the same names. Beside them stand
// what the reference lacks:
//   abs_rel_attn_bos_global  the sink score of |A|, which stays in [0, 1] for
//                            kinds with negative weights
//   row_sum_sd               standard deviation of r_q over rows and sequences
//   entropy                  mean over rows other than 0 of -sum_k p_k ln p_k
//                            in nats, p = |A| / sum |A|
// A statistic without rows is NaN, and so is one that met a NaN. Shares of a
// head whose rows are all zero are NaN too, where the reference has 0.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_STATISTICS_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_STATISTICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "experiments/model/attention_statistics.h"
#include "experiments/model/observer.h"

namespace polarize {

struct HeadStatistics {
  double abs_attn_bos = 0;
  double abs_attn_all = 0;
  double rel_attn_bos = 0;
  double rel_attn_bos_global = 0;
  double abs_rel_attn_bos_global = 0;
  double row_sum_sd = 0;
  double entropy = 0;
};

// Name and member of each, in the order in which they are written.
struct HeadStatistic {
  const char* name;
  double HeadStatistics::*value;
};
inline constexpr std::array<HeadStatistic, 7> kHeadStatistics = {{
    {"abs_attn_bos", &HeadStatistics::abs_attn_bos},
    {"abs_attn_all", &HeadStatistics::abs_attn_all},
    {"rel_attn_bos", &HeadStatistics::rel_attn_bos},
    {"rel_attn_bos_global", &HeadStatistics::rel_attn_bos_global},
    {"abs_rel_attn_bos_global", &HeadStatistics::abs_rel_attn_bos_global},
    {"row_sum_sd", &HeadStatistics::row_sum_sd},
    {"entropy", &HeadStatistics::entropy},
}};

// Collects the statistics, and the attention maps of the first sequences, from
// forward passes.
template <typename T>
class StatisticsObserver : public AttentionObserver<T> {
 public:
  // positions: T >= 2. maps: how many sequences to keep whole. triggers: of the
  // trigger task, the trigger's position in each sequence; else empty.
  StatisticsObserver(size_t layers, size_t heads, size_t positions, size_t maps,
                     std::vector<uint32_t> triggers = {});

  // Forgets everything.
  void Clear();
  void Row(size_t layer, size_t head, const Observation& row,
           absl::Span<const T> weights) override;

  // Of everything seen since Clear.
  HeadStatistics Get(size_t layer, size_t head) const;
  const KeptMaps& maps() const { return maps_; }

 private:
  struct Sums {
    // Of the sequence under way.
    double bos = 0, all = 0, relative = 0, abs_bos = 0, abs_all = 0;
    size_t rows_read = 0;
    // Over finished sequences.
    double abs_attn_bos = 0, abs_attn_all = 0, rel_attn_bos = 0;
    double rel_attn_bos_global = 0, abs_rel_attn_bos_global = 0;
    double row_sum = 0, row_sum_square = 0, entropy = 0;
    size_t sequences = 0, rows = 0, entropy_rows = 0;
  };
  bool Counts(size_t sequence, size_t q) const {
    if (triggers_.empty()) return q >= 1 && q + 2 < positions_;
    return q >= 1 && q != triggers_[sequence];
  }
  void AddRow(Sums& sums, absl::Span<const T> weights);
  void FinishSequence(Sums& sums);

  size_t heads_, positions_;
  std::vector<uint32_t> triggers_;
  std::vector<Sums> sums_;  // per (layer, head)
  KeptMaps maps_;
};

extern template class StatisticsObserver<float>;
extern template class StatisticsObserver<double>;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_STATISTICS_H_
