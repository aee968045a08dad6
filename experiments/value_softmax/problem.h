// The model of a config at its start: what is drawn, in the reference's order,
// from NumPy's stream.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PROBLEM_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PROBLEM_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "hwy/aligned_allocator.h"
#include "kernels/value_softmax/value_softmax.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// A model and the memory it uses, at the start of a descent or of a flow.
class Problem {
 public:
  // config: of one variant, checked.
  explicit Problem(const ValueSoftmaxConfig& config);

  ValueSoftmax& model() { return model_; }
  const ValueSoftmax& model() const { return model_; }
  // b as the loss has it: F numbers, or M with a regression.
  const std::vector<double>& target() const { return target_; }
  // X, rows of F; empty but for a regression.
  const std::vector<double>& design() const { return design_; }
  // Whether u = V'b is defined: b lives where beta does, and is a direction.
  bool has_projections() const;
  size_t planned_bytes() const { return bytes_; }

 private:
  void Draw(const ValueSoftmaxConfig& config);
  void SetValues(const ValueSoftmaxConfig& config,
                 const std::vector<double>& normals);
  void SetTarget();

  ValueSoftmax model_;
  std::vector<double> target_, design_;
  size_t bytes_ = 0;
  hwy::AlignedFreeUniquePtr<uint8_t[]> memory_;
};

// The rates of a config's descent.
ValueSoftmaxRates RatesOf(const DescentConfig& descent);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PROBLEM_H_
