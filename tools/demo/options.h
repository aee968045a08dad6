// The command line of the demo.
#ifndef POLARIZE_TOOLS_DEMO_OPTIONS_H_
#define POLARIZE_TOOLS_DEMO_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace polarize {

struct DemoOptions {
  enum class Color { kAuto, kAlways, kNever };

  bool help = false;
  std::string out = "demo";  // as typed
  bool overwrite = false;
  Color color = Color::kAuto;
  int epochs = 10;  // of the classification runs
};

// What --help prints.
extern const char kDemoHelp[];

// From the arguments after the program's name: "--name=value" or "--name
// value". What is no flag, or no value of it, is an error that names it.
absl::StatusOr<DemoOptions> ParseDemoOptions(
    absl::Span<const char* const> arguments);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_OPTIONS_H_
