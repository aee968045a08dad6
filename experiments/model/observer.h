// Whoever wants the attention weights of a forward pass.
#ifndef POLARIZE_EXPERIMENTS_MODEL_OBSERVER_H_
#define POLARIZE_EXPERIMENTS_MODEL_OBSERVER_H_

#include <cstddef>

#include "absl/types/span.h"
#include "experiments/model/row_plan.h"

namespace polarize {

// Which rows an observer is to be shown.
class ObserverInterest {
 public:
  enum class Interest {
    kNone,
    kCounted,  // with equal rows, once: the order of the keys may be another
               // sequence's
    kOwn,      // by itself, keys in the order of the sequence
  };
  virtual ~ObserverInterest() = default;
  virtual Interest InterestIn(size_t /*sequence*/, size_t /*position*/) const {
    return Interest::kOwn;
  }
};

// Called on the thread that runs Forward, for each layer, then each observation
// of the plan, then head. Changes nothing that is computed.
template <typename T>
class AttentionObserver : public ObserverInterest {
 public:
  // weights: over the keys of the row's context, zero for those it does not
  // see; valid during the call.
  virtual void Row(size_t layer, size_t head, const Observation& row,
                   absl::Span<const T> weights) = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_OBSERVER_H_
