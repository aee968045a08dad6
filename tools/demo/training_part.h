// The demo's second part: small transformers that classify, section 4.2.
#ifndef POLARIZE_TOOLS_DEMO_TRAINING_PART_H_
#define POLARIZE_TOOLS_DEMO_TRAINING_PART_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/flags.h"
#include "tools/demo/terminal_map.h"

namespace polarize {

struct TrainingPart {
  std::string name;  // of the attention kind
  std::string folder;
  int exit_code = 0;  // 128 + signal: the rest is not there
  double steps = 0, accuracy = 0;
  double sparsity = 0;   // largest share of the attention at CLS
  double row_sum = 0;    // of the attention at CLS
  double flip_rate = 0;  // NaN if there was no pair to try
  TerminalMap map;       // the attention at CLS of a sample, over the steps
};

// Trains one layer with one head of this attention kind, nothing else, for so
// many epochs, and writes the run folder flags.out. What the run prints is its
// log.txt. `width`: of the map, in columns.
absl::StatusOr<TrainingPart> RunTrainingPart(const std::string& attention_type,
                                             int epochs, const RunFlags& flags,
                                             size_t width, int argc,
                                             const char* const* argv);

// Their numbers, side by side.
std::string TrainingTable(absl::Span<const TrainingPart> parts);

// What was seen of it, in a sentence.
std::string TrainingSummary(const TrainingPart& part);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_TRAINING_PART_H_
