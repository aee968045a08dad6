// The paper's sweeps, or a sweep of the user's: many runs of one experiment.
#include <csignal>
#include <cstdio>
#include <string>

#include "experiments/sweep/program.h"

int main(int argc, char** argv) {
  // A full disk (a file-size limit) and a reader of the output that has left
  // are errors of a write, not the end of a sweep.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  // Where whoever started this ignored it, no run's end could be learnt.
  std::signal(SIGCHLD, SIG_DFL);
  const absl::StatusOr<int> code = polarize::SweepMain(argc, argv);
  if (code.ok()) return *code;
  std::fprintf(stderr, "%s\n", std::string(code.status().message()).c_str());
  return 1;
}
