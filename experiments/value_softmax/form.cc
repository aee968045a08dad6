#include "experiments/value_softmax/form.h"

#include "experiments/value_softmax/names.h"

namespace polarize {

ValueSoftmaxForm FormOf(const ValueSoftmaxConfig& config) {
  ValueSoftmaxForm form;
  form.map = MapNamed(config.model().map());
  form.loss = LossNamed(config.model().loss());
  form.optimiser = OptimiserNamed(config.descent().optimiser());
  form.tied = config.model().tied();
  form.features = static_cast<size_t>(config.model().features());
  form.latent = static_cast<size_t>(config.model().latent());
  return form;
}

}  // namespace polarize
