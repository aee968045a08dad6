#include "experiments/run/batch_order.h"

#include "hwy/base.h"

namespace polarize {

BatchOrder::BatchOrder(TorchRandom& random, absl::Span<uint32_t> order,
                       size_t batch_size)
    : random_(random), order_(order), batch_size_(batch_size) {
  if (batch_size == 0) HWY_ABORT("batch order: batch size 0");
}

int64_t BatchOrder::StartTrainingEpoch(size_t n) {
  if (n > order_.size()) {
    HWY_ABORT("batch order: %zu sequences, memory for %zu", n, order_.size());
  }
  const int64_t base_seed = random_.Random63();
  TorchRandom sampler(static_cast<uint64_t>(random_.Random63()));
  sampler.RandPerm(n, order_.data());
  n_ = n;
  return base_seed;
}

int64_t BatchOrder::StartEvaluation() { return random_.Random63(); }

}  // namespace polarize
