// The attention that classification.textproto names, compiled for its sizes.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_FIXED_ATTENTION_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_FIXED_ATTENTION_H_

#include "absl/types/span.h"
#include "kernels/attention/attention.h"

namespace polarize {

absl::Span<const FixedAttention> ClassificationFixedAttention();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_FIXED_ATTENTION_H_
