// A Zarr array's .zarray: the subset of version 2 that TensorStore writes for
// JAX checkpoints. https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZARRAY_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZARRAY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "experiments/pretrained/checkpoint/element_type.h"

namespace polarize {

struct Zarray {
  std::vector<uint64_t> shape;
  std::vector<uint64_t> chunks;  // the shape of one, as long as `shape`
  ElementType type = ElementType::kF32;
  bool zstd = false;  // else chunks are not compressed
  char separator = '.';

  // Chunks along each axis; those at the ends may reach beyond the array.
  std::vector<uint64_t> Grid() const;
  uint64_t ChunkCount() const;
  uint64_t Elements() const;
  // Of a whole chunk, without compression.
  uint64_t ChunkBytes() const;
};

// Errors name field and rule ("chunks: ..."). Anything that is not understood
// is one, unknown fields too, since they may change what the bytes mean: order
// "F", filters, a fill value that is neither null nor 0, compressors but zstd.
// So are sizes with which a product overflows, more than 8 axes, more than 2^20
// chunks, and chunks beyond 2^40 bytes.
absl::StatusOr<Zarray> ParseZarray(absl::string_view text);

// "[32, 4096]"
std::string ZarrShapeText(absl::Span<const uint64_t> shape);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZARRAY_H_
