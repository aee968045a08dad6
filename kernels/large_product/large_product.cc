#include "kernels/large_product/large_product.h"

#include "kernels/linear/linear.h"

#define POLARIZE_BF16_TARGETS
#include "kernels/base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/large_product/large_product.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/large_product/large_product-inl.h"

#if HWY_ONCE
namespace polarize {
namespace {

void CheckFirst(size_t first) {
  if (first % 2 != 0) HWY_ABORT("large_product: pairs from row %zu on", first);
}

}  // namespace

size_t PackedProductSize(size_t inner, size_t outer) {
  return PackedWeightSize(inner, outer);
}
size_t PackedProductSizeBF16(size_t inner, size_t outer) {
  return PackedWeightSize((inner + 1) / 2, outer);
}

size_t LargeProductScratch() {
  return HWY_NAMESPACE::large_product::kBlockRows *
         HWY_NAMESPACE::large_product::kBlockTerms;
}

void PackProductRows(const float* from, size_t first, size_t count,
                     size_t inner, size_t outer, float* packed) {
  HWY_EXPORT_T(Table, large_product::PackRows<float>);
  HWY_DYNAMIC_DISPATCH_T(Table)(from, first, count, inner, outer, packed);
}
void PackProductRows(const BF16Bits* from, size_t first, size_t count,
                     size_t inner, size_t outer, float* packed) {
  HWY_EXPORT_T(Table, large_product::PackRows<uint16_t>);
  HWY_DYNAMIC_DISPATCH_T(Table)(from, first, count, inner, outer, packed);
}
void PackProductRowsBF16(const float* from, size_t first, size_t count,
                         size_t inner, size_t outer, BF16Pair* packed) {
  CheckFirst(first);
  HWY_EXPORT_T(Table, large_product::PackPairRows<float>);
  HWY_DYNAMIC_DISPATCH_T(Table)(from, first, count, inner, outer, packed);
}
void PackProductRowsBF16(const BF16Bits* from, size_t first, size_t count,
                         size_t inner, size_t outer, BF16Pair* packed) {
  CheckFirst(first);
  HWY_EXPORT_T(Table, large_product::PackPairRows<uint16_t>);
  HWY_DYNAMIC_DISPATCH_T(Table)(from, first, count, inner, outer, packed);
}

void LargeProduct(const float* x, size_t rows, const float* packed,
                  size_t inner, size_t outer, float* y, float* scratch) {
  HWY_EXPORT_T(Table, large_product::FloatProduct);
  HWY_DYNAMIC_DISPATCH_T(Table)(x, rows, packed, inner, outer, y, scratch);
}
void LargeProductBF16(const float* x, size_t rows, const BF16Pair* packed,
                      size_t inner, size_t outer, float* y, BF16Pair* scratch) {
  HWY_EXPORT_T(Table, large_product::PairProduct);
  HWY_DYNAMIC_DISPATCH_T(Table)(x, rows, packed, inner, outer, y, scratch);
}

}  // namespace polarize
#endif
