// Singular values and vectors, by Eigen's one-sided Jacobi method: the most
// accurate there is for small matrices (https://eigen.tuxfamily.org).
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_SINGULAR_VALUES_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_SINGULAR_VALUES_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace polarize {

// The min(rows, columns) singular values of a column-major matrix whose columns
// are `stride` apart, largest first.
std::vector<double> SingularValues(const double* matrix, size_t rows,
                                   size_t columns, size_t stride);

// The row-major matrix (rows x columns) with its singular vectors kept and its
// singular values, largest first, replaced by min(rows, columns) others.
std::vector<double> WithSingularValues(absl::Span<const double> matrix,
                                       size_t rows, size_t columns,
                                       absl::Span<const double> values);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_SINGULAR_VALUES_H_
