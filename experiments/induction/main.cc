// The induction experiment of section 4.1: trains one transformer and reports
// its accuracy and its attention sinks.
#include <csignal>
#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/induction/config.h"
#include "experiments/induction/induction_embedded_config.h"
#include "experiments/induction/run.h"
#include "experiments/model/model_setup.h"
#include "experiments/run/config_text.h"
#include "experiments/run/flags.h"

namespace {

constexpr char kUsage[] =
    "Trains a small transformer to continue a repeated token (section 4.1 of\n"
    "the paper) and measures how much attention goes to the first token.";

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // A full disk (a file-size limit) and a reader of the output that has left
  // are errors of a write, not the end of a run.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const polarize::RunFlags flags = polarize::ParseRunFlags(argc, argv, kUsage);
  const absl::StatusOr<polarize::ConfigText> text = polarize::ConfigTextFor(
      flags.config,
      {polarize::kInductionConfigFile, polarize::kInductionConfigText});
  if (!text.ok()) return Fail(text.status());
  const absl::StatusOr<polarize::InductionConfig> config =
      polarize::LoadInductionConfig(*text, flags.settings,
                                    polarize::AttentionTypes());
  if (!config.ok()) return Fail(config.status());
  const absl::StatusOr<int> code =
      polarize::RunInduction(*config, flags, argc, argv);
  return code.ok() ? *code : Fail(code.status());
}
