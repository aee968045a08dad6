// What a config's steps are compiled for.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FORM_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FORM_H_

#include "kernels/value_softmax/value_softmax.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// The form of a config's model and descent. config: of one variant, checked.
ValueSoftmaxForm FormOf(const ValueSoftmaxConfig& config);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FORM_H_
