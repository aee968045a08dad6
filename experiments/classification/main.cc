// The classification experiment of section 4.2: trains one transformer and
// reports its accuracy, how sparse its attention is, and how easily one token
// flips its predictions.
#include <csignal>
#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/classification/classification_embedded_config.h"
#include "experiments/classification/config.h"
#include "experiments/classification/run.h"
#include "experiments/model/model_setup.h"
#include "experiments/run/config_text.h"
#include "experiments/run/flags.h"

namespace {

constexpr char kUsage[] =
    "Trains a small transformer to tell groups of tokens apart (section 4.2 "
    "of\n"
    "the paper) and measures how much attention goes to one token, and how\n"
    "easily one token flips a prediction.";

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
      flags.config, {polarize::kClassificationConfigFile,
                     polarize::kClassificationConfigText});
  if (!text.ok()) return Fail(text.status());
  const absl::StatusOr<polarize::ClassificationConfig> config =
      polarize::LoadClassificationConfig(*text, flags.settings,
                                         polarize::AttentionTypes());
  if (!config.ok()) return Fail(config.status());
  const absl::StatusOr<int> code =
      polarize::RunClassification(*config, flags, argc, argv);
  return code.ok() ? *code : Fail(code.status());
}
