// Means of what interventions replace, over the rows of forward passes.
#ifndef POLARIZE_EXPERIMENTS_MODEL_ACTIVATION_MEANS_H_
#define POLARIZE_EXPERIMENTS_MODEL_ACTIVATION_MEANS_H_

#include <cstddef>
#include <vector>

#include "experiments/model/intervention.h"
#include "experiments/model/model_config.h"
#include "experiments/model/row_plan.h"
#include "experiments/model/transformer.h"

namespace polarize {

// Sums are double and in the rows' order.
template <typename T>
class ActivationMeans {
 public:
  explicit ActivationMeans(const ModelConfig& config);

  // The rows of the model's last Forward, over the identity plan `plan`: every
  // (sequence, position) counts once.
  void Add(const Transformer<T>& model, const RowPlan& plan);
  // From sums to means. NaN without rows.
  void Finish();

  // After Finish, what Intervention::patch is for this site: the mean of the
  // token's part of embedded rows, of a layer's values, or of what a head adds
  // up. Valid as long as this is.
  const T* Of(InterventionSite site, size_t layer, size_t head) const;

 private:
  const ModelConfig config_;
  size_t rows_ = 0;
  std::vector<double> token_sum_, value_sum_, attended_sum_;
  std::vector<T> token_, value_, attended_;  // the last two (layer, column)
};

extern template class ActivationMeans<float>;
extern template class ActivationMeans<double>;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_ACTIVATION_MEANS_H_
