// bazel run //experiments:pretrained: Fig. 7.
#include <csignal>
#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/config.h"
#include "experiments/pretrained/pretrained_embedded_config.h"
#include "experiments/pretrained/run.h"
#include "experiments/run/config_text.h"
#include "experiments/run/flags.h"
#include "experiments/run/user_path.h"

ABSL_FLAG(std::string, model, "", "softmax or sigmoid");
ABSL_FLAG(std::string, checkpoint_dir, "", "folder of the checkpoint");
ABSL_FLAG(std::string, packed_dir, "", "folder of the repacked checkpoint");
ABSL_FLAG(std::string, tokenizer, "", "sentencepiece model");
ABSL_FLAG(std::string, prompts, "", "documents: *.txt, *.jsonl or *.parquet");

namespace polarize {
namespace {

constexpr char kUsage[] =
    "Runs documents through one of the two pretrained 7B models and measures\n"
    "how much of the attention of every head goes to one token (Fig. 7 of the\n"
    "paper). The checkpoint is repacked first if that has not been done.";

constexpr char kOwnFlags[] =
    R"(  --model NAME          softmax or sigmoid: --set model.attention_type=NAME.
  --checkpoint_dir DIR  Folder of the checkpoint, as
                        //experiments/pretrained:fetch leaves it. Default:
                        checkpoints/NAME.
  --packed_dir DIR      Folder of the repacked checkpoint, made if need be.
                        Default: the checkpoint's, with -fp32 or -bf16 behind it.
  --tokenizer FILE      The models' sentencepiece file. Default:
                        checkpoints/bpe_32k_c4.model.
  --prompts FILE        Documents: *.txt (blank lines separate them), *.jsonl (an
                        object with a field "text" a line) or *.parquet (a
                        column "text"). Default: checkpoints/pile-10k.parquet.
)";

RunFlags ParseFlags(int argc, char** argv) {
  ProgramHelp help;
  help.usage = kUsage;
  help.target = "//experiments:pretrained";
  help.examples = {"--model=softmax", "--model=sigmoid --out=pretrained",
                   "--prompts=my.txt --set samples=0 --set precision=BF16"};
  help.own_flags = kOwnFlags;
  help.transformer = false;
  RunFlags flags = ParseRunFlags(argc, argv, help);
  const std::string model = absl::GetFlag(FLAGS_model);
  if (!model.empty()) {
    flags.settings.push_back(absl::StrCat("model.attention_type=", model));
  }
  return flags;
}

absl::StatusOr<int> Main(int argc, char** argv) {
  const RunFlags flags = ParseFlags(argc, argv);
  const absl::StatusOr<ConfigText> text = ConfigTextFor(
      flags.config, {kPretrainedConfigFile, kPretrainedConfigText});
  if (!text.ok()) return text.status();
  const absl::StatusOr<PretrainedConfig> config =
      LoadPretrainedConfig(*text, flags.settings);
  if (!config.ok()) return config.status();
  PretrainedPaths paths;
  paths.checkpoint = absl::GetFlag(FLAGS_checkpoint_dir);
  paths.packed = absl::GetFlag(FLAGS_packed_dir);
  paths.tokenizer = absl::GetFlag(FLAGS_tokenizer);
  paths.prompts = absl::GetFlag(FLAGS_prompts);
  return RunPretrained(*config, WithDefaults(*config, paths), flags, argc,
                       argv);
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  // A full disk (a file-size limit) and a reader of the output that has left
  // are errors of a write, not the end of a run.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<int> code = polarize::Main(argc, argv);
  if (code.ok()) return *code;
  std::fprintf(stderr, "%s\n", std::string(code.status().message()).c_str());
  return 1;
}
