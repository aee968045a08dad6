// The descents that the families' configs name, compiled for their forms.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FIXED_DESCENTS_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FIXED_DESCENTS_H_

#include "absl/types/span.h"
#include "kernels/value_softmax/value_softmax.h"

namespace polarize {

absl::Span<const FixedDescent> FixedDescents();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FIXED_DESCENTS_H_
