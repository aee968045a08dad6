// Tiny models for tests: configurations, parameters, batches, and orders in
// which tasks may run.
#ifndef POLARIZE_TESTS_SUPPORT_MODEL_TESTING_H_
#define POLARIZE_TESTS_SUPPORT_MODEL_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "experiments/model/model_config.h"
#include "experiments/model/parameters.h"
#include "experiments/model/row_plan.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// Index of the kind with this name; aborts if there is none.
size_t AttentionKindNamed(std::string_view name);

// Two layers of two heads, width 8, everything on, causal, concat: small enough
// for finite differences, with sizes that all differ. exp_unnorm at a
// temperature that its exponentials can live with.
ModelConfig TinyModel(std::string_view attention_kind);

// The same with QK norm, where the kind has scores, and an attention gate.
ModelConfig WithNormAndGate(ModelConfig config);

// In [-1, 1), the same on every machine.
double RandomUnit(std::mt19937& random);

// Overwrites the parameters' array with values that hide no mistake: attention
// far from uniform, no norm the identity, no bias zero. Gaps are zero.
void FillParameters(const Parameters& parameters, uint32_t seed,
                    double* values);

// Sequences with targets and weights of the loss; each (sequences * positions).
struct Batch {
  size_t sequences;
  std::vector<int32_t> token, target;
  std::vector<double> weight;
};

// Tokens and targets at random, so that sequences share tokens; weights all
// different.
Batch RandomBatch(const ModelConfig& config, size_t sequences, uint32_t seed);

RowPlan IdentityPlan(const ModelConfig& config, const Batch& batch);

// Tasks in a random order, another one each time.
class ShuffledFor : public ParallelFor {
 public:
  explicit ShuffledFor(uint32_t seed) : random_(seed) {}
  void Run(size_t tasks, absl::FunctionRef<void(size_t)> task) override;

 private:
  std::mt19937 random_;
};

// ||a - b|| / ||b||; 0 if both are zero.
double NormWiseError(const std::vector<double>& a,
                     const std::vector<double>& b);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_MODEL_TESTING_H_
