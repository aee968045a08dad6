#include "experiments/value_softmax/run_result.h"

#include <numeric>

namespace polarize {

std::vector<double> StartProjections(const RunResult& run) {
  const ValueSoftmax& model = run.problem->model();
  std::vector<double> u(model.form.latent);
  for (size_t j = 0; j < u.size(); ++j) {
    const double* const column = &run.start[j * model.value_stride()];
    u[j] = std::inner_product(column, column + model.form.features,
                              model.target, 0.0);
  }
  return u;
}

}  // namespace polarize
