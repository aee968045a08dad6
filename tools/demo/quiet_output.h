// Output of this program that goes to a file for a while.
#ifndef POLARIZE_TOOLS_DEMO_QUIET_OUTPUT_H_
#define POLARIZE_TOOLS_DEMO_QUIET_OUTPUT_H_

#include <string>

#include "absl/status/statusor.h"

namespace polarize {

// While it lives, standard output and standard error are the file. One at a
// time, and not while other threads write.
class QuietOutput {
 public:
  // Empties the file, or makes it.
  static absl::StatusOr<QuietOutput> To(const std::string& path);

  QuietOutput(QuietOutput&& other) noexcept;
  QuietOutput& operator=(QuietOutput&& other) = delete;
  ~QuietOutput();

 private:
  QuietOutput(int out, int err) : out_(out), err_(err) {}

  int out_, err_;  // copies of what they were; -1: they were closed
  bool moved_ = false;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_QUIET_OUTPUT_H_
