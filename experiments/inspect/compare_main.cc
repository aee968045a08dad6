#include <csignal>
#include <cstdio>
#include <string>

#include "experiments/inspect/compare.h"

int main(int argc, char** argv) {
  // A full disk (a file-size limit) and a reader of the output that has left
  // are errors of a write, not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<int> code = polarize::CompareMain(argc, argv);
  if (code.ok()) return *code;
  std::fprintf(stderr, "%s\n", std::string(code.status().message()).c_str());
  return 1;
}
