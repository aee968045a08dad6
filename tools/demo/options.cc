#include "tools/demo/options.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"

namespace polarize {
namespace {

constexpr int kMostEpochs = 1000;

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, "\n(--help lists the flags)"));
}

absl::Status SetColor(const std::string& value, DemoOptions& options) {
  using Color = DemoOptions::Color;
  for (const auto& [name, color] :
       {std::pair("auto", Color::kAuto), std::pair("always", Color::kAlways),
        std::pair("never", Color::kNever)}) {
    if (value != name) continue;
    options.color = color;
    return absl::OkStatus();
  }
  return Wrong(
      absl::StrCat("--color=", value, ": must be auto, always or never"));
}

absl::Status SetEpochs(const std::string& value, DemoOptions& options) {
  if (absl::SimpleAtoi(value, &options.epochs) && options.epochs >= 1 &&
      options.epochs <= kMostEpochs) {
    return absl::OkStatus();
  }
  return Wrong(
      absl::StrCat("--epochs=", value, ": must be from 1 to ", kMostEpochs));
}

absl::Status SetOut(const std::string& value, DemoOptions& options) {
  if (value.empty()) return Wrong("--out=: must name a folder");
  options.out = value;
  return absl::OkStatus();
}

// The function that sets a flag that has a value; null if there is none.
absl::Status (*SetterOf(absl::string_view name))(const std::string&,
                                                 DemoOptions&) {
  if (name == "--out") return SetOut;
  if (name == "--color") return SetColor;
  if (name == "--epochs") return SetEpochs;
  return nullptr;
}

}  // namespace

const char kDemoHelp[] =
    R"(The first minute: what softmax does to attention, in about ten seconds.

Runs a gradient flow (section 3 of the paper) and two small transformers
(section 4.2), shows in the terminal what their attention does, and writes a
folder with the runs and a page with their pictures.

Usage: bazel run //experiments:demo -- [flags]

Flags:
  --out FOLDER      Folder for it all. Default: demo, where you are.
  --overwrite       Replaces a demo that the folder holds.
  --color WHEN      auto (where the terminal has colours and NO_COLOR is not
                    set), always (24-bit ones) or never. Default: auto.
  --epochs N        Passes over the training samples. Default: 10, as in the
                    paper.
  --help            Prints this.

Exit code: 0; 1 if something went wrong; 2 if a claim about the flow is false;
128 + signal after Ctrl-C.
)";

absl::StatusOr<DemoOptions> ParseDemoOptions(
    absl::Span<const char* const> arguments) {
  DemoOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const absl::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      return options;
    }
    if (argument == "--overwrite") {
      options.overwrite = true;
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(argument, absl::MaxSplits('=', 1));
    const auto set = SetterOf(parts.first);
    if (set == nullptr) {
      return Wrong(absl::StrCat(argument, ": no such flag"));
    }
    std::string value(parts.second);
    if (!absl::StrContains(argument, '=')) {
      if (++i == arguments.size()) {
        return Wrong(absl::StrCat(argument, ": its value is missing"));
      }
      value = arguments[i];
    }
    const absl::Status status = set(value, options);
    if (!status.ok()) return status;
  }
  return options;
}

}  // namespace polarize
