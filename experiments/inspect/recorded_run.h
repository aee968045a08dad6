// A run that is over, as its folder tells of it, and what repeating it takes.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_RECORDED_RUN_H_
#define POLARIZE_EXPERIMENTS_INSPECT_RECORDED_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/inspect/metrics_file.h"
#include "experiments/run/flags.h"
#include "experiments/run/json_file.h"
#include "experiments/sweep/section.h"
#include "google/protobuf/message.h"
#include "protos/environment.pb.h"

namespace polarize {

struct RecordedRun {
  std::string folder;
  std::unique_ptr<Section> section;
  std::unique_ptr<google::protobuf::Message> config;
  Environment environment;
  std::optional<RecordedMetrics> metrics;
  std::optional<FlatJson> summary;
  std::string weights;  // the path of weights.safetensors; empty: none
};

// The run in `folder`: config.textproto and environment.textproto, and at least
// one of metrics.jsonl (or .partial) and summary.json. Whatever is missing or
// broken, and runs of an experiment that has no transformer, are errors that
// name the file.
absl::StatusOr<RecordedRun> ReadRecordedRun(const std::string& folder);

// How to repeat a run.
struct Repetition {
  int64_t target = 0;   // for PinTarget
  std::string isa;      // its name
  bool sharing = true;  // equal rows once
  // Whether that is not the run's own record but the flags'.
  bool sharing_from_flags = false, isa_from_flags = false;
};

// As the run's record says; flags fill in what it does not say (--sharing), and
// --isa goes before it. An error if this machine lacks the instruction set, or
// if the run began with weights that are not its own (--init_from).
absl::StatusOr<Repetition> HowToRepeat(const RecordedRun& run,
                                       const RunFlags& flags);

// "commit 1234, GCC 12.2.0, optimized, AVX3, AMD EPYC".
std::string MachineText(const Environment& environment);
// What MachineText() says of this program, on the instruction set `isa`.
Environment EnvironmentHere(const std::string& isa);

// "on AVX3, equal rows once".
std::string RepetitionText(const Repetition& repetition);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_RECORDED_RUN_H_
