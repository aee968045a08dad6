#include "experiments/induction/program.h"

#include <csignal>
#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/induction/config.h"
#include "experiments/induction/induction_embedded_config.h"
#include "experiments/induction/induction_no_bos_embedded_config.h"
#include "experiments/induction/induction_t128_embedded_config.h"
#include "experiments/induction/induction_t32_embedded_config.h"
#include "experiments/induction/run.h"
#include "experiments/induction/trigger_embedded_config.h"
#include "experiments/model/model_setup.h"
#include "experiments/run/config_text.h"
#include "experiments/run/flags.h"
#include "hwy/base.h"

namespace polarize {
namespace {

constexpr char kUsage[] =
    "Trains a small transformer to continue a repeated token (section 4.1 of\n"
    "the paper), or to answer at a trigger alone, and measures how much\n"
    "attention goes to the first token.";

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

ConfigText EmbeddedConfig(std::string_view name) {
  if (name == "induction") return {kInductionConfigFile, kInductionConfigText};
  if (name == "induction_no_bos") {
    return {kInductionNoBosConfigFile, kInductionNoBosConfigText};
  }
  if (name == "induction_t32") {
    return {kInductionT32ConfigFile, kInductionT32ConfigText};
  }
  if (name == "induction_t128") {
    return {kInductionT128ConfigFile, kInductionT128ConfigText};
  }
  if (name == "trigger") return {kTriggerConfigFile, kTriggerConfigText};
  HWY_ABORT("no config %s is compiled in", std::string(name).c_str());
}

}  // namespace

int InductionMain(std::string_view name, int argc, char** argv) {
  // A full disk (a file-size limit) and a reader of the output that has left
  // are errors of a write, not the end of a run.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const RunFlags flags = ParseRunFlags(argc, argv, kUsage);
  const absl::StatusOr<ConfigText> text =
      ConfigTextFor(flags.config, EmbeddedConfig(name));
  if (!text.ok()) return Fail(text.status());
  const absl::StatusOr<InductionConfig> config =
      LoadInductionConfig(*text, flags.settings, AttentionTypes());
  if (!config.ok()) return Fail(config.status());
  const absl::StatusOr<int> code = RunInduction(*config, flags, argc, argv);
  return code.ok() ? *code : Fail(code.status());
}

}  // namespace polarize
