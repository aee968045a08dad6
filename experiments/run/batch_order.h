// The order in which sequences are trained on: that of PyTorch's DataLoader
// with shuffle=True, num_workers=0 and drop_last=False, bit for bit.
//
// Source: PyTorch, torch/utils/data/dataloader.py and sampler.py. A loader
// draws from the default stream whenever a loop over it begins: a base seed
// (meant for worker processes, of which there are none) and, if it shuffles,
// the seed of a stream of its own, of which the permutation is made.
#ifndef POLARIZE_EXPERIMENTS_RUN_BATCH_ORDER_H_
#define POLARIZE_EXPERIMENTS_RUN_BATCH_ORDER_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "kernels/base/random/torch_random.h"

namespace polarize {

class BatchOrder {
 public:
  // random: the default stream, in the state after the model's initialisation
  // (and after the data's, where those come from it). order: memory for the
  // permutation, one element per training sequence. Neither is owned, both must
  // outlive this; nothing else is ever allocated. batch_size >= 1.
  BatchOrder(TorchRandom& random, absl::Span<uint32_t> order,
             size_t batch_size);

  // Begins a pass over n training sequences, n <= order.size(), with a new
  // permutation. Four words of the stream. Returns the base seed.
  int64_t StartTrainingEpoch(size_t n);

  // Begins a pass over the evaluation sequences, which come in their own order.
  // Two words of the stream. Returns the base seed.
  int64_t StartEvaluation();

  // The pass begun last by StartTrainingEpoch: its batches (the last one may be
  // short), and the sequences of batch b < num_batches().
  size_t num_batches() const { return (n_ + batch_size_ - 1) / batch_size_; }
  absl::Span<const uint32_t> Batch(size_t b) const {
    return absl::Span<const uint32_t>(order_).subspan(0, n_).subspan(
        b * batch_size_, batch_size_);
  }

 private:
  TorchRandom& random_;
  absl::Span<uint32_t> order_;
  size_t batch_size_;
  size_t n_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_BATCH_ORDER_H_
