// One run of a transformer experiment, from a checked config to a run folder:
// the order of events that every section shares. What a section measures, keeps
// and prints is its Experiment.
#ifndef POLARIZE_EXPERIMENTS_MODEL_TRAINING_RUN_H_
#define POLARIZE_EXPERIMENTS_MODEL_TRAINING_RUN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "experiments/model/run_report.h"
#include "experiments/model/transformer.h"
#include "experiments/run/flags.h"
#include "experiments/run/run_folder.h"
#include "experiments/run/run_record.h"
#include "google/protobuf/message.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// Steps at which attention statistics are taken, beside the end of each epoch:
// 0, `per_decade` per factor of ten, evenly spaced in log(step), and the last
// one. Ascending, each once.
std::vector<int64_t> StatisticsSteps(int64_t last, int per_decade);

// Where a run is, for its live line.
struct LiveState {
  size_t epoch, epochs;
  double loss;  // of the last step
  double steps_per_second;
  absl::Duration left;
};

// How a run ended.
enum class RunState { kFinished, kInterrupted, kDiverged };
const char* RunStateName(RunState state);  // "finished" ...

class Experiment {
 public:
  struct Facts {
    std::string section;  // the command: bazel run //experiments:SECTION
    std::string name;     // names the run's folder
    uint64_t seed;
    double lr;
    size_t epochs;
    size_t batch_size, num_eval;
    int points_per_decade;
    size_t passes_at_end;  // sequences that only pass forward, after the rest
  };

  virtual ~Experiment() = default;

  virtual Facts facts() const = 0;
  virtual const google::protobuf::Message& config() const = 0;
  virtual Transformer<float>& model() = 0;
  virtual size_t planned_bytes() const = 0;

  // Runs the model on the first n evaluation sequences.
  virtual void PassForward(size_t n) = 0;
  // The lines before the first step.
  virtual std::string PlanText(const PlanReport& plan) const = 0;

  // Training: StartEpoch, then steps_per_epoch() times Step, then FinishEpoch.
  virtual size_t steps_per_epoch() const = 0;
  virtual uint64_t step() const = 0;
  virtual void StartEpoch() = 0;
  virtual double Step() = 0;  // the loss
  virtual std::string Diagnose() const = 0;

  // The record of a run: opened before the first step; `steps` are expected.
  virtual absl::Status OpenRecord(const RunFolder& folder, size_t steps) = 0;
  virtual RunRecord& record() = 0;  // after OpenRecord
  // Of the last Step.
  virtual absl::Status RecordStep(size_t epoch) = 0;
  // Evaluates, with attention statistics.
  virtual absl::Status TakeStatistics(size_t epoch) = 0;
  // Of the last statistics (there were some): their step and evaluation loss.
  virtual int64_t statistics_step() const = 0;
  virtual double statistics_loss() const = 0;
  // Draws what the reference draws at the end of an epoch.
  virtual void FinishEpoch() = 0;
  // The end of an epoch, whose statistics are the last ones.
  virtual absl::Status RecordEpoch(size_t epoch, double train_loss) = 0;
  // What to print of it behind "epoch 1/10  train loss 0.1234".
  virtual std::string EpochText() const = 0;
  virtual std::string LiveText(const LiveState& live) const = 0;

  // At the end; these three not after a divergence. The attention maps of the
  // first evaluation sequences (see WriteAttentionMaps); logits to check the
  // weights with; what is measured on the trained model alone.
  virtual absl::Status WriteAttention() = 0;
  virtual absl::Status WriteLogits() = 0;
  virtual absl::Status MeasureAtEnd(RunState state) = 0;
  virtual absl::Status FinishRecord() = 0;
  // Returns a line for the user, or "".
  virtual absl::StatusOr<std::string> Draw() = 0;
  virtual absl::Status Summarise(RunState state, const std::string& reason,
                                 double seconds) = 0;
  // Losses and tables, as they are printed.
  virtual std::string EndText(RunState state, absl::Duration time) const = 0;
};

// How long a run of it will take on its threads, judged by a forward pass:
// times of steps are unknown before there was one.
absl::Duration ExpectedTime(Experiment& experiment);

// Runs, prints and writes. make is called once, with the threads of the run.
// Returns the program's exit code: 0, or 128 + signal after Ctrl-C, with
// everything measured so far on disk. An error if something could not be read
// or written, or if the training diverged.
absl::StatusOr<int> RunTraining(
    const google::protobuf::Message& config, const RunFlags& flags, int argc,
    const char* const* argv,
    absl::FunctionRef<std::unique_ptr<Experiment>(ParallelFor&)> make);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_TRAINING_RUN_H_
