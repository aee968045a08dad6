// Whoever wants the attention weights of a forward pass.
#ifndef POLARIZE_EXPERIMENTS_MODEL_OBSERVER_H_
#define POLARIZE_EXPERIMENTS_MODEL_OBSERVER_H_

#include <cstddef>

#include "absl/types/span.h"

namespace polarize {

// Called on the thread that runs Forward, for each layer, then row, then head.
// Changes nothing that is computed.
template <typename T>
class AttentionObserver {
 public:
  virtual ~AttentionObserver() = default;
  // row: the layer's output row, which in the identity plan is sequence *
  // positions + position. weights: over the keys of its context, zero for those
  // it does not see; valid during the call.
  virtual void Row(size_t layer, size_t head, size_t row,
                   absl::Span<const T> weights) = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_OBSERVER_H_
