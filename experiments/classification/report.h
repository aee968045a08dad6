// What a run prints: the plan before its first step, the live line, the tables
// at its end.
#ifndef POLARIZE_EXPERIMENTS_CLASSIFICATION_REPORT_H_
#define POLARIZE_EXPERIMENTS_CLASSIFICATION_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "experiments/classification/flip.h"
#include "experiments/classification/statistics.h"
#include "experiments/classification/trainer.h"
#include "experiments/model/run_report.h"
#include "experiments/model/training_run.h"

namespace polarize {

// One evaluation with its attention statistics.
struct ClassificationPoint {
  int64_t step = 0;
  ClassificationEvaluation evaluation;
  std::vector<ClsStatistics> heads;  // layer * heads + head
};

// How many different inputs the data hold, for the model.
struct DistinctCounts {
  size_t train = 0, eval = 0;
};
DistinctCounts CountDistinct(const ClassificationSetup& setup,
                             const ClassificationData& data);

// The lines before the first step.
std::string PlanText(const ClassificationSetup& setup,
                     const DistinctCounts& distinct, const PlanReport& plan);

// "epoch 3/10  loss 0.0008  acc 1.000  8.1 steps/s  max share 0.71 ...  left
// 5m"; last: the last evaluation, nullptr before the first.
std::string LiveText(const ClassificationPoint* last, const LiveState& live);

// The statistics of every layer and head; n/a where undefined.
std::string StatisticsTable(const ModelConfig& model,
                            const ClassificationPoint& point);

// The flip rate of every layer and head with the number of different pairs that
// it rests on; "" without results.
std::string MixingTable(const ModelConfig& model,
                        const std::vector<MixingResult>& mixing);

// One line; "" if no input was tried.
std::string AnyTokenLine(const AnyTokenResult& result);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_CLASSIFICATION_REPORT_H_
