// The definition of rows.h, element by element in double.
#ifndef POLARIZE_KERNELS_ROWS_ROWS_REF_H_
#define POLARIZE_KERNELS_ROWS_ROWS_REF_H_

#include <cstddef>
#include <cstdint>

namespace polarize {

inline void GatherRowsRef(const double* x, const uint32_t* index, size_t n,
                          size_t width, double* y) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) {
      y[i * width + c] = x[index[i] * width + c];
    }
  }
}

inline void AddSegmentsRef(const double* dy, const uint32_t* segment_begin,
                           const uint32_t* member, size_t segments,
                           size_t width, double* dx) {
  for (size_t s = 0; s < segments; ++s) {
    for (uint32_t k = segment_begin[s]; k < segment_begin[s + 1]; ++k) {
      for (size_t c = 0; c < width; ++c) {
        dx[s * width + c] += dy[member[k] * width + c];
      }
    }
  }
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_ROWS_ROWS_REF_H_
