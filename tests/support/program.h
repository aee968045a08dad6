// Runs programs as a user would, and keeps what they say.
#ifndef POLARIZE_TESTS_SUPPORT_PROGRAM_H_
#define POLARIZE_TESTS_SUPPORT_PROGRAM_H_

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace polarize {

// The path of a file that the test target names in `data`, from the top of the
// source tree: "experiments/induction/induction".
std::string DataPath(absl::string_view path);

// How to start a program.
struct ProgramCall {
  std::string program;
  std::vector<std::string> arguments;
  // Set beside what the test has; later ones win.
  std::vector<std::pair<std::string, std::string>> environment;
  std::string directory;                     // "": the test's
  rlim_t file_size_limit = RLIM_INFINITY;    // the largest file it may write
  bool terminal = false;                     // writes to a pseudo-terminal
  bool closed_output = false;                // nobody reads its stdout
  absl::Duration limit = absl::Seconds(60);  // then it is killed: a failure
};

// How a program ended.
struct ProgramResult {
  int code = -1;    // its exit code, or -1
  int signal = 0;   // what killed it, or 0
  std::string out;  // stdout; of a terminal, stdout and stderr
  std::string err;  // stderr
};

// A program that runs beside the test. A test may have several; each is killed
// at the end of its Program unless Wait() saw its end.
class Program {
 public:
  // Failing to start is a failure of the test program itself.
  explicit Program(const ProgramCall& call);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Waits until `condition` holds, looking often; false if the program ended or
  // its time was up before that.
  bool WaitUntil(const std::function<bool()>& condition);
  void Signal(int number) const;
  ProgramResult Wait();

  pid_t process() const { return process_; }
  // So far; complete after Wait().
  const std::string& out() const { return result_.out; }
  const std::string& err() const { return result_.err; }

 private:
  // Reads what there is to read; waits for it, but not long. False at the end
  // of all output.
  bool Pump();
  // Whether it has ended; keeps how.
  bool Ended(bool wait);

  const absl::Time deadline_;
  pid_t process_ = -1;
  int ends_[2] = {-1, -1};  // to read stdout and stderr from; -1: closed
  bool ended_ = false;
  ProgramResult result_;
};

ProgramResult RunProgram(const ProgramCall& call);

// What a terminal shows of this output: carriage returns, line ends and the
// erasing of a line's rest obeyed. No line may be longer than `columns`: those
// that are go on in the next one, as on a terminal.
std::vector<std::string> TerminalScreen(absl::string_view output,
                                        size_t columns);

// The size of the pseudo-terminal.
constexpr size_t kTerminalColumns = 80;

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_PROGRAM_H_
