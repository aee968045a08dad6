// What the attention statistics of every section are made of.
#ifndef POLARIZE_EXPERIMENTS_MODEL_ATTENTION_STATISTICS_H_
#define POLARIZE_EXPERIMENTS_MODEL_ATTENTION_STATISTICS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace polarize {

// The reference's key: "{layer}_{head}_{name}".
std::string StatisticKey(size_t layer, size_t head, std::string_view name);

// In nats, -sum_k p_k ln p_k with p = |weights| / total, where total = sum
// |weights| is not 0. NaN for NaN.
template <typename T>
double RowEntropy(absl::Span<const T> weights, double total);

// Standard deviation from sums of x and of x^2 over n values. NaN stays NaN.
double DeviationOfSums(double sum, double sum_of_squares, double n);

// The attention matrices of the first sequences of a data set, seen in identity
// plans.
class KeptMaps {
 public:
  KeptMaps(size_t sequences, size_t layers, size_t heads, size_t positions)
      : sequences_(sequences),
        layers_(layers),
        heads_(heads),
        positions_(positions),
        kept_(sequences * layers * heads * positions * positions) {}

  // Keeps a row if its sequence is one of the first.
  template <typename T>
  void Row(size_t layer, size_t head, size_t sequence, size_t position,
           absl::Span<const T> weights);

  // The T x T weights of a kept sequence.
  absl::Span<const float> Map(size_t sequence, size_t layer, size_t head) const;

  // All of them: (sequence, layer, head, q, k), and how many of each.
  const float* data() const { return kept_.data(); }
  size_t sequences() const { return sequences_; }
  size_t layers() const { return layers_; }
  size_t heads() const { return heads_; }
  size_t positions() const { return positions_; }

 private:
  size_t Index(size_t sequence, size_t layer, size_t head) const {
    return (sequence * layers_ + layer) * heads_ + head;
  }

  size_t sequences_, layers_, heads_, positions_;
  std::vector<float> kept_;  // (sequence, layer, head, q, k)
};

extern template double RowEntropy(absl::Span<const float>, double);
extern template double RowEntropy(absl::Span<const double>, double);
extern template void KeptMaps::Row(size_t, size_t, size_t, size_t,
                                   absl::Span<const float>);
extern template void KeptMaps::Row(size_t, size_t, size_t, size_t,
                                   absl::Span<const double>);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_ATTENTION_STATISTICS_H_
