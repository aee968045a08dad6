#include "experiments/model/init.h"

#include <cmath>

namespace polarize {
namespace {

// torch.nn.init.kaiming_uniform_ with a = sqrt(5), step by step in double as
// there, rounded to float32 at the end.
float WeightBound(size_t fan_in) {
  const double a = std::sqrt(5.0);
  const double gain = std::sqrt(2.0 / (1.0 + a * a));
  const double deviation = gain / std::sqrt(static_cast<double>(fan_in));
  return static_cast<float>(std::sqrt(3.0) * deviation);
}

float BiasBound(size_t fan_in) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(fan_in)));
}

}  // namespace

void InitLinear(TorchRandom& random, size_t fan_in, size_t fan_out,
                float* weight, float* bias) {
  const float weight_bound = WeightBound(fan_in);
  random.UniformFill(-weight_bound, weight_bound, fan_in * fan_out, weight);
  const float bias_bound = BiasBound(fan_in);
  random.UniformFill(-bias_bound, bias_bound, fan_out, bias);
}

void InitEmbedding(TorchRandom& random, size_t rows, size_t width,
                   float* table) {
  random.NormalFill(rows * width, table);
}

}  // namespace polarize
