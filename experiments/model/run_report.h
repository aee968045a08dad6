// Lines that a run of any transformer experiment prints before its first step.
#ifndef POLARIZE_EXPERIMENTS_MODEL_RUN_REPORT_H_
#define POLARIZE_EXPERIMENTS_MODEL_RUN_REPORT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "experiments/model/model_config.h"
#include "experiments/model/optimiser_config.h"

namespace polarize {

struct PlanReport {
  size_t parameters;
  size_t planned_bytes;
  const char* simd_target;
  size_t threads;
  bool fixed_attention;
  size_t steps;
  absl::Duration expected;
};

// "model       2 layers, 4 heads, ...".
std::string ModelLine(const ModelConfig& model, size_t parameters);

// "optimiser   SGD, rate 0.01, ...", or "" for what runs have by default: AdamW
// at a constant rate.
std::string OptimiserLine(const OptimiserConfig& optimiser);

// Memory, machine, attention, time. config_file: where an attention shape is
// named to have it compiled.
std::string PlanLines(const ModelConfig& model, const PlanReport& plan,
                      std::string_view config_file);

// `value` with `digits` decimals, or "n/a" if it is not finite.
std::string NumberOrNone(double value, int digits);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_RUN_REPORT_H_
