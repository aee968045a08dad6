// Types of a checkpoint's elements, and how they become a packed file's.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ELEMENT_TYPE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ELEMENT_TYPE_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/checkpoint/packed_layout.h"

namespace polarize {

enum class ElementType { kF32, kBF16, kF16, kU32, kI32 };

size_t ElementBytes(ElementType type);
// As NumPy and JAX call it: "float32", "bfloat16", ...
const char* ElementTypeName(ElementType type);
// Whether it is a type of weights.
bool IsFloat(ElementType type);

// From .zarray's dtype: "<f4", "bfloat16" ("<V2" is taken for it, as older
// writers have it), "<f2", "<u4", "<i4".
absl::StatusOr<ElementType> ParseZarrType(absl::string_view dtype);
// From the index's: "float32", "bfloat16", "float16", "uint32", "int32".
absl::StatusOr<ElementType> ParseNumpyType(absl::string_view dtype);

// count elements of a float type at `from`, any alignment, become floats or
// bfloat16 at `to`. Exact, but for float32 to bfloat16, which goes to the
// nearest, the even one of two, and above the largest to infinity, and float16
// to bfloat16, which does the same. NaN stays NaN. They may not overlap.
void ConvertElements(ElementType type, const char* from, size_t count,
                     PackedPrecision precision, char* to);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ELEMENT_TYPE_H_
