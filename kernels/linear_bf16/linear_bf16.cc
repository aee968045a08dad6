#include "kernels/linear_bf16/linear_bf16.h"

#include "kernels/linear/linear.h"

#define POLARIZE_BF16_TARGETS
#include "kernels/base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_bf16/linear_bf16.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/linear_bf16/linear_bf16-inl.h"

#if HWY_ONCE
namespace polarize {

// A dispatch table named after the function alone.
#define POLARIZE_EXPORT(Name) HWY_EXPORT_T(Name##Table, bf16::Name)

size_t PackedWeightSizeBF16(size_t inner, size_t outer) {
  return PackedWeightSize((inner + 1) / 2, outer);
}

size_t RoundedSizeBF16(size_t rows, size_t terms) {
  return rows * ((terms + 1) / 2);
}

size_t RowPairsSizeBF16(size_t rows, size_t columns) {
  return PackedWeightSize((rows + 1) / 2, columns);
}

bool FasterThanFloat() {
  POLARIZE_EXPORT(Native);
  return HWY_DYNAMIC_DISPATCH_T(NativeTable)();
}

void PackForForwardBF16(const float* weight, size_t inner, size_t outer,
                        BF16Pair* packed) {
  POLARIZE_EXPORT(PackForForward);
  HWY_DYNAMIC_DISPATCH_T(PackForForwardTable)(weight, inner, outer, packed);
}

void PackForInputGradientBF16(const float* weight, size_t inner, size_t outer,
                              BF16Pair* packed) {
  POLARIZE_EXPORT(PackForInputGradient);
  HWY_DYNAMIC_DISPATCH_T(PackForInputGradientTable)
  (weight, inner, outer, packed);
}

void LinearForwardBF16(const float* x, size_t rows, const BF16Pair* packed,
                       const float* bias, const float* residual, size_t inner,
                       size_t outer, float* y, BF16Pair* rounded,
                       BF16Pair* row_pairs, ParallelFor& parallel) {
  POLARIZE_EXPORT(Forward);
  HWY_DYNAMIC_DISPATCH_T(ForwardTable)
  (x, rows, packed, bias, residual, inner, outer, y, nullptr, rounded,
   row_pairs, parallel);
}

void LinearGeluForwardBF16(const float* x, size_t rows, const BF16Pair* packed,
                           const float* bias, size_t inner, size_t outer,
                           float* y, float* slope, BF16Pair* rounded,
                           BF16Pair* row_pairs, ParallelFor& parallel) {
  POLARIZE_EXPORT(Forward);
  HWY_DYNAMIC_DISPATCH_T(ForwardTable)
  (x, rows, packed, bias, nullptr, inner, outer, y, slope, rounded, row_pairs,
   parallel);
}

void LinearInputGradientBF16(const float* dy, size_t rows,
                             const BF16Pair* packed, const float* scale,
                             const float* residual, size_t inner, size_t outer,
                             float* dx, BF16Pair* rounded, BF16Pair* row_pairs,
                             ParallelFor& parallel) {
  POLARIZE_EXPORT(InputGradient);
  HWY_DYNAMIC_DISPATCH_T(InputGradientTable)
  (dy, rows, packed, scale, residual, inner, outer, dx, rounded, row_pairs,
   parallel);
}

void LinearWeightGradientBF16(const BF16Pair* row_pairs_x,
                              const BF16Pair* row_pairs_dy, const float* dy,
                              size_t rows, size_t inner, size_t outer,
                              float* dweight, float* dbias,
                              ParallelFor& parallel) {
  POLARIZE_EXPORT(WeightGradient);
  HWY_DYNAMIC_DISPATCH_T(WeightGradientTable)
  (row_pairs_x, row_pairs_dy, dy, rows, inner, outer, dweight, dbias, parallel);
}

}  // namespace polarize
#endif
