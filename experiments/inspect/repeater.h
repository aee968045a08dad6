// A run that is repeated step by step in a process of its own, since an
// instruction set is pinned for a whole process.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_REPEATER_H_
#define POLARIZE_EXPERIMENTS_INSPECT_REPEATER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/inspect/recorded_run.h"

namespace polarize {

class Repeater {
 public:
  // A parameter: its name, its shape, and where it lies in the arrays below.
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    size_t offset, size;
  };

  // Starts the process; what it computes is there after Next(). `name` stands
  // for the run in messages. To be called in a process that has one thread;
  // run must outlive this.
  static absl::StatusOr<std::unique_ptr<Repeater>> Start(
      const std::string& name, const RecordedRun& run, const Repetition& how,
      size_t threads);
  // Ends the process.
  ~Repeater();
  Repeater(const Repeater&) = delete;
  Repeater& operator=(const Repeater&) = delete;

  const std::vector<Tensor>& tensors() const { return tensors_; }
  // Of the whole run.
  uint64_t steps() const { return steps_; }

  // The first Next() is about the initial weights, each later one about one
  // step. Ask() lets the process work on it, Take() waits for it: two processes
  // that are asked first work at the same time.
  absl::Status Ask();
  absl::Status Take();

  // Of the last Take(). A step whose loss is not finite leaves the parameters
  // alone, and none may follow it.
  double loss() const { return loss_; }
  absl::Span<const float> Parameter(const Tensor& tensor) const {
    return {shared_ + tensor.offset, tensor.size};
  }
  absl::Span<const float> Gradient(const Tensor& tensor) const {
    return {shared_ + array_size_ + tensor.offset, tensor.size};
  }

 private:
  explicit Repeater(std::string name) : name_(std::move(name)) {}
  absl::Status Hello();
  absl::Status Read(void* bytes, size_t n);
  absl::Status ReadText(std::string* text);
  // Why the process no longer answers.
  absl::Status Gone();

  const std::string name_;
  pid_t process_ = -1;
  int memory_ = -1, to_ = -1, from_ = -1;  // file descriptors
  std::vector<Tensor> tensors_;
  uint64_t steps_ = 0;
  size_t array_size_ = 0;
  float* shared_ = nullptr;  // parameters, then gradients
  double loss_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_REPEATER_H_
