#include "experiments/value_softmax/fixed_descents.h"

#include <array>
#include <utility>
#include <vector>

#include "experiments/value_softmax/condition_numbers_shape.h"
#include "experiments/value_softmax/kl_shape.h"
#include "experiments/value_softmax/logistic_shape.h"
#include "experiments/value_softmax/normalisations_logistic_shape.h"
#include "experiments/value_softmax/normalisations_square_shape.h"
#include "experiments/value_softmax/phase_diagram_shape.h"
#include "experiments/value_softmax/regression_shape.h"
#include "experiments/value_softmax/tied_shape.h"
#include "kernels/base/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "experiments/value_softmax/fixed_descents.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "kernels/value_softmax/value_softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polarize {
namespace HWY_NAMESPACE {

// Descend for the form number kIndex of a family.
template <const auto& kForms, size_t kIndex>
size_t FixedDescend(ValueSoftmax& model, const ValueSoftmaxRates& rates,
                    size_t steps) {
  constexpr ValueSoftmaxForm kForm = kForms[kIndex];
  return DescendT<FixedForm<kForm.map, kForm.loss, kForm.optimiser, kForm.tied,
                            kForm.features, kForm.latent>>(model, rates, steps);
}

template <const auto& kForms, size_t... kIndex>
void AppendForms(std::index_sequence<kIndex...>,
                 std::vector<FixedDescent>& descents) {
  (descents.push_back({kForms[kIndex], &FixedDescend<kForms, kIndex>}), ...);
}

template <const auto& kForms>
void AppendFamily(std::vector<FixedDescent>& descents) {
  AppendForms<kForms>(std::make_index_sequence<kForms.size()>(), descents);
}

std::vector<FixedDescent> AllFixedDescents() {
  std::vector<FixedDescent> descents;
  AppendFamily<logistic_shape::kForms>(descents);
  AppendFamily<normalisations_square_shape::kForms>(descents);
  AppendFamily<normalisations_logistic_shape::kForms>(descents);
  AppendFamily<tied_shape::kForms>(descents);
  AppendFamily<condition_numbers_shape::kForms>(descents);
  AppendFamily<kl_shape::kForms>(descents);
  AppendFamily<regression_shape::kForms>(descents);
  AppendFamily<phase_diagram_shape::kForms>(descents);
  return descents;
}

}  // namespace HWY_NAMESPACE
}  // namespace polarize
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polarize {

HWY_EXPORT(AllFixedDescents);

absl::Span<const FixedDescent> FixedDescents() {
  static const auto* const descents =
      new std::vector<FixedDescent>(HWY_DYNAMIC_DISPATCH(AllFixedDescents)());
  return *descents;
}

}  // namespace polarize
#endif
