// The definition of embedding.h, element by element in double.
#ifndef POLARIZE_KERNELS_EMBEDDING_EMBEDDING_REF_H_
#define POLARIZE_KERNELS_EMBEDDING_EMBEDDING_REF_H_

#include <cstddef>
#include <cstdint>

namespace polarize {

// x (rows x stride) += the table's rows, from column `first` on.
inline void AddEmbeddingRef(const int32_t* id, size_t rows, const double* table,
                            size_t width, size_t first, size_t stride,
                            double* x) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < width; ++c) {
      x[r * stride + first + c] += table[id[r] * width + c];
    }
  }
}

// dtable += the gradient of the above.
inline void AddEmbeddingGradientRef(const int32_t* id, size_t rows,
                                    const double* dx, size_t width,
                                    size_t first, size_t stride,
                                    double* dtable) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < width; ++c) {
      dtable[id[r] * width + c] += dx[r * stride + first + c];
    }
  }
}

}  // namespace polarize

#endif  // POLARIZE_KERNELS_EMBEDDING_EMBEDDING_REF_H_
