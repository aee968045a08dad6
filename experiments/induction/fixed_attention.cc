#include "experiments/induction/fixed_attention.h"

#include "experiments/induction/induction_shape.h"
#include "kernels/base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "experiments/induction/fixed_attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/attention/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {
// Every section has functions of these names, and a program may have two.
namespace {

using InductionKind =
    Kinds::At<Kinds::IndexOf(induction_shape::kAttentionType)>::Kernel;
using InductionSizes =
    FixedSizes<induction_shape::kPositions, induction_shape::kHeadWidth>;

void FixedForward(const AttentionForwardArgs<float>& args,
                  ParallelFor& parallel) {
  ForwardT<InductionKind, InductionSizes>(args, parallel);
}

void FixedBackward(const AttentionBackwardArgs<float>& args,
                   ParallelFor& parallel) {
  BackwardT<InductionKind, InductionSizes>(args, parallel);
}

size_t FixedKind() { return Kinds::IndexOf(induction_shape::kAttentionType); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {
namespace {

HWY_EXPORT(FixedForward);
HWY_EXPORT(FixedBackward);
HWY_EXPORT(FixedKind);

void Forward(const AttentionForwardArgs<float>& args, ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(FixedForward)(args, parallel);
}

void Backward(const AttentionBackwardArgs<float>& args, ParallelFor& parallel) {
  HWY_DYNAMIC_DISPATCH(FixedBackward)(args, parallel);
}

}  // namespace

absl::Span<const FixedAttention> InductionFixedAttention() {
  static const FixedAttention instances[] = {
      {HWY_DYNAMIC_DISPATCH(FixedKind)(), induction_shape::kPositions,
       induction_shape::kHeadWidth, &Forward, &Backward}};
  return instances;
}

}  // namespace polarize
#endif
