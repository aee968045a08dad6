// Where the weights that two runs left differ.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_WEIGHTS_FILE_H_
#define POLARIZE_EXPERIMENTS_INSPECT_WEIGHTS_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace polarize {

// An element that differs.
struct ElementDifference {
  std::string tensor;
  std::vector<int64_t> shape;
  size_t index = 0;  // row-major
  float a = 0, b = 0;
};

// "blocks.0.q.weight [3, 17]: 0.5 and 0.50000006, 1 ulp apart".
std::string DifferenceText(const ElementDifference& difference);

// Two tensors of one shape.
struct TensorComparison {
  size_t different = 0;  // elements whose bits differ
  size_t first = 0;      // of these
  size_t largest = 0;    // the one with the largest |a - b|; NaN is largest
};
TensorComparison CompareTensors(absl::Span<const float> a,
                                absl::Span<const float> b);

struct WeightsComparison {
  size_t tensors = 0;                      // that both have in one shape
  size_t different = 0;                    // of these
  std::vector<std::string> other_tensors;  // in one file, or in another shape
  std::optional<ElementDifference> first;  // in the order of the first file
  std::optional<ElementDifference> largest;

  bool same() const { return different == 0 && other_tensors.empty(); }
};

// Files of float tensors, as runs leave them.
absl::StatusOr<WeightsComparison> CompareWeights(const std::string& path_a,
                                                 const std::string& path_b);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_WEIGHTS_FILE_H_
