// Arrays in NumPy's own format.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_NPY_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_NPY_H_

#include <cstddef>
#include <string>

#include "absl/types/span.h"

namespace polarize {

// The bytes of a file, version 1.0, of a rows x cols matrix of doubles, little
// endian, row after row: what numpy.save writes and numpy.load reads.
std::string NpyText(absl::Span<const double> values, size_t rows, size_t cols);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_NPY_H_
