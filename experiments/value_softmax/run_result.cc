#include "experiments/value_softmax/run_result.h"

#include <numeric>

namespace polarize {

bool IsPlainDescent(const RunResult& run) {
  return (run.kind == RunResult::kFlow ||
          run.config.descent().optimiser() == "gradient_descent") &&
         run.config.model().entropy_penalty() == 0 &&
         run.config.model().temperature() == 1;
}

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
