#include "kernels/attention/attention.h"

#include "kernels/base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/attention/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

template <typename T>
struct KindFunctions {
  void (*forward)(const AttentionForwardArgs<T>&, ParallelFor&);
  void (*backward)(const AttentionBackwardArgs<T>&, ParallelFor&);
  void (*weights)(const T*, T, size_t, T*);
};

template <typename T, class... K>
const KindFunctions<T>* FunctionsOf(KindList<K...>) {
  static constexpr KindFunctions<T> table[] = {
      {&ForwardT<typename K::Kernel, DynamicSizes, T>,
       &BackwardT<typename K::Kernel, DynamicSizes, T>,
       &WeightsT<typename K::Kernel, T>}...};
  return table;
}

template <typename T>
const KindFunctions<T>& Functions(size_t kind) {
  if (kind >= Kinds::kSize) {
    HWY_ABORT("attention kind %zu of %zu", kind, Kinds::kSize);
  }
  return FunctionsOf<T>(Kinds())[kind];
}

template <typename T>
void Forward(size_t kind, const AttentionForwardArgs<T>& args,
             ParallelFor& parallel) {
  Functions<T>(kind).forward(args, parallel);
}

template <typename T>
void Backward(size_t kind, const AttentionBackwardArgs<T>& args,
              ParallelFor& parallel) {
  Functions<T>(kind).backward(args, parallel);
}

template <typename T>
void Weights(size_t kind, const T* raw, T sum, size_t keys, T* weights) {
  Functions<T>(kind).weights(raw, sum, keys, weights);
}

template <class... K>
absl::Span<const AttentionKind> DescribeKinds(KindList<K...>) {
  static constexpr AttentionKind table[] = {
      {K::kName, K::Activation::kUsesScores, K::Score::kSharedMlp,
       K::kNormalised, K::Activation::kSigned, K::Sink::kLearned}...};
  return table;
}

absl::Span<const AttentionKind> KindTable() { return DescribeKinds(Kinds()); }

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {

HWY_EXPORT(KindTable);

absl::Span<const AttentionKind> AttentionKinds() {
  return HWY_DYNAMIC_DISPATCH(KindTable)();
}

template <typename T>
void AttentionForward(size_t kind, const AttentionForwardArgs<T>& args,
                      ParallelFor& parallel) {
  HWY_EXPORT_T(Table, Forward<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)(kind, args, parallel);
}

template <typename T>
void AttentionBackward(size_t kind, const AttentionBackwardArgs<T>& args,
                       ParallelFor& parallel) {
  HWY_EXPORT_T(Table, Backward<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)(kind, args, parallel);
}

template <typename T>
void AttentionWeights(size_t kind, const T* raw, T sum, size_t keys,
                      T* weights) {
  HWY_EXPORT_T(Table, Weights<T>);
  HWY_DYNAMIC_DISPATCH_T(Table)(kind, raw, sum, keys, weights);
}

template void AttentionForward<float>(size_t,
                                      const AttentionForwardArgs<float>&,
                                      ParallelFor&);
template void AttentionForward<double>(size_t,
                                       const AttentionForwardArgs<double>&,
                                       ParallelFor&);
template void AttentionBackward<float>(size_t,
                                       const AttentionBackwardArgs<float>&,
                                       ParallelFor&);
template void AttentionBackward<double>(size_t,
                                        const AttentionBackwardArgs<double>&,
                                        ParallelFor&);
template void AttentionWeights<float>(size_t, const float*, float, size_t,
                                      float*);
template void AttentionWeights<double>(size_t, const double*, double, size_t,
                                       double*);

}  // namespace polarize
#endif
