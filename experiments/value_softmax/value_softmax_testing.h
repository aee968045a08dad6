// What tests of the value-softmax experiment share.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_VALUE_SOFTMAX_TESTING_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_VALUE_SOFTMAX_TESTING_H_

#include <string>
#include <vector>

#include "experiments/value_softmax/run_result.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// A family's config with settings over its file's, without its axes. What does
// not load ends the test program.
ValueSoftmaxConfig ConfigOfFamily(const std::string& family,
                                  const std::vector<std::string>& settings);

// A run of the config that has not begun.
RunResult NewRun(RunResult::Kind kind, const ValueSoftmaxConfig& config);
// One that has come to its end.
RunResult FinishedRun(RunResult::Kind kind, const ValueSoftmaxConfig& config);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_VALUE_SOFTMAX_TESTING_H_
