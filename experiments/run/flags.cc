#include "experiments/run/flags.h"

#include <cstdio>
#include <cstdlib>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "experiments/run/user_path.h"
#include "hwy/targets.h"
#include "kernels/base/isa.h"

// --set is not here: of a flag given several times Abseil keeps the last.
ABSL_FLAG(std::string, config, "", "config file");
ABSL_FLAG(std::string, out, "", "folder of the run");
ABSL_FLAG(int, threads, 0, "threads; 0: one per core");
ABSL_FLAG(std::string, isa, "", "instruction set");
ABSL_FLAG(std::string, sharing, "on", "row sharing: on or off");
ABSL_FLAG(std::string, init_from, "", "weights to start from");
ABSL_FLAG(bool, eval_only, false, "evaluate, do not train");
ABSL_FLAG(bool, dry_run, false, "print the plan, run nothing");
ABSL_FLAG(bool, overwrite, false, "replace an existing run folder");

namespace polarize {
namespace {

constexpr int kMostThreads = 1024;

[[noreturn]] void Refuse(std::string_view what) {
  std::fprintf(stderr, "ERROR: %s\n(--help lists the flags)\n",
               std::string(what).c_str());
  std::exit(1);
}

// The instruction sets that kernels can run on here, best first.
std::vector<std::string> IsaNames() {
  std::vector<std::string> names;
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    names.push_back(absl::AsciiStrToLower(hwy::TargetName(left & -left)));
  }
  return names;
}

int64_t TargetNamed(const std::string& flag) {
  if (flag.empty()) return 0;
  std::string name = absl::AsciiStrToLower(flag);
  if (name == "avx512") name = "avx3";  // as Highway calls it
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    if (name == absl::AsciiStrToLower(hwy::TargetName(target))) return target;
  }
  Refuse(absl::StrCat("--isa=", flag, ": must be one of ",
                      absl::StrJoin(IsaNames(), ", "), " on this machine"));
}

constexpr char kSingleRunFlags[] =
    R"(  --overwrite       Replaces what --out holds.
  --threads N       Threads; any number gives the same results. Default: one per
                    core.
)";

constexpr char kSharingFlag[] =
    R"(  --sharing off     Computes every row of every sequence. Default: on, equal rows
                    once and only those that are used; the same numbers but
                    for the order of sums.
)";

constexpr char kTransformerFlags[] =
    R"(  --init_from FILE  Starts from the weights in FILE (safetensors), not from new
                    ones.
  --eval_only       Evaluates the initial weights and trains nothing.
)";

// The lines of a program that runs a config.
void AddConfigFlags(const ProgramHelp& help, std::string* text) {
  absl::StrAppend(
      text, "  --config FILE     Config to run (text format).",
      help.single_run ? " Default: the one built in." : "",
      "\n  --set PATH=VALUE  Changes a field of ",
      help.single_run ? "the config" : "every run",
      R"(; may be given many times. The
                    end of a path is enough where it is unambiguous: lr=1e-2.
)",
      help.own_flags,
      help.single_run ? "  --out FOLDER      Folder that the run writes. "
                        "Default: a new one below runs/.\n"
                      : "",
      help.single_run ? kSingleRunFlags : "",
      R"(  --isa NAME        Instruction set: )",
      absl::StrJoin(IsaNames(), ", "), R"(. Default: the
                    first of these. Results differ in their last digits.
)",
      help.transformer ? kSharingFlag : "",
      help.transformer && help.single_run ? kTransformerFlags : "",
      "  --dry_run         Prints ",
      help.single_run ? "the resolved config and the plan"
                      : "how many runs there are and how long they take",
      help.single_run ? ", and runs nothing.\n" : ".\n");
}

void PrintHelp(std::string_view program, const ProgramHelp& help) {
  const size_t slash = program.rfind('/');
  if (slash != std::string_view::npos) program.remove_prefix(slash + 1);
  std::string text = absl::StrCat(
      help.usage, "\n\nUsage: ", program, " ", help.arguments,
      help.arguments.empty() ? "" : " ", "[flags]\nWith Bazel: bazel run ",
      help.target.empty() ? "//experiments:" : help.target,
      help.target.empty() ? program : std::string_view(), " -- ",
      help.arguments, help.arguments.empty() ? "" : " ",
      "[flags]\n\nExamples:\n");
  for (const std::string_view example : help.examples) {
    absl::StrAppend(&text, "  ", program, " ", example, "\n");
  }
  absl::StrAppend(&text, "\nFlags:\n");
  if (help.takes_config) {
    AddConfigFlags(help, &text);
  } else {
    absl::StrAppend(&text, help.own_flags);
  }
  absl::StrAppend(&text, "  --help            Prints this.\n");
  std::fputs(text.c_str(), stdout);
}

bool IsHelp(std::string_view argument) {
  return argument == "--help" || argument == "-help" || argument == "-h";
}

// Takes every --set out of the arguments; stops at "--".
std::vector<std::string> TakeSettings(std::vector<char*>* arguments) {
  std::vector<std::string> settings;
  std::vector<char*> others;
  size_t i = 0;
  for (; i < arguments->size(); ++i) {
    std::string_view argument = (*arguments)[i];
    if (argument == "--") break;
    std::string_view flag = argument;
    absl::ConsumePrefix(&flag, "-");
    if (i == 0 || flag == argument) {
      others.push_back((*arguments)[i]);
      continue;
    }
    absl::ConsumePrefix(&flag, "-");
    if (flag == "set") {
      if (++i == arguments->size()) Refuse("--set: PATH=VALUE is missing");
      settings.emplace_back((*arguments)[i]);
    } else if (absl::ConsumePrefix(&flag, "set=")) {
      settings.emplace_back(flag);
    } else {
      others.push_back((*arguments)[i]);
    }
  }
  others.insert(others.end(), arguments->begin() + i, arguments->end());
  *arguments = std::move(others);
  return settings;
}

bool CheckedSharing(const std::string& sharing) {
  if (sharing == "on") return true;
  if (sharing == "off") return false;
  Refuse(absl::StrCat("--sharing=", sharing, ": must be on or off"));
}

int CheckedThreads(int threads) {
  if (threads >= 0 && threads <= kMostThreads) return threads;
  Refuse(absl::StrCat("--threads=", threads, ": must be from 0 to ",
                      kMostThreads));
}

void RefuseConfigFlags(const RunFlags& flags) {
  if (flags.config.empty() && flags.settings.empty() && !flags.dry_run &&
      !flags.overwrite && flags.init_from.empty() && !flags.eval_only) {
    return;
  }
  Refuse(
      "--config, --set, --dry_run, --overwrite, --init_from and --eval_only: "
      "this program runs no config");
}

}  // namespace

RunFlags ParseRunFlags(int argc, char** argv, std::string_view usage) {
  ProgramHelp help;
  help.usage = usage;
  help.examples = {"--dry_run",
                   "--set seed=3 --set model.num_heads=1 --out runs/one_head",
                   "--config my.textproto --threads 1"};
  return ParseRunFlags(argc, argv, help);
}

RunFlags ParseRunFlags(int argc, char** argv, const ProgramHelp& help) {
  std::vector<char*> arguments(argv, argv + argc);
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (std::string_view(arguments[i]) == "--") break;
    if (!IsHelp(arguments[i])) continue;
    PrintHelp(arguments[0], help);
    std::exit(0);
  }

  RunFlags flags;
  flags.settings = TakeSettings(&arguments);
  const std::vector<char*> rest = absl::ParseCommandLine(
      static_cast<int>(arguments.size()), arguments.data());
  flags.arguments.assign(rest.begin() + 1, rest.end());
  if (help.arguments.empty() && rest.size() > 1) {
    Refuse(absl::StrCat(rest[1], ": not a flag; flags begin with --"));
  }
  flags.config = UserPath(absl::GetFlag(FLAGS_config));
  flags.out = UserPath(absl::GetFlag(FLAGS_out));
  flags.threads = CheckedThreads(absl::GetFlag(FLAGS_threads));
  flags.target = TargetNamed(absl::GetFlag(FLAGS_isa));
  flags.sharing = CheckedSharing(absl::GetFlag(FLAGS_sharing));
  flags.init_from = UserPath(absl::GetFlag(FLAGS_init_from));
  flags.eval_only = absl::GetFlag(FLAGS_eval_only);
  flags.dry_run = absl::GetFlag(FLAGS_dry_run);
  flags.overwrite = absl::GetFlag(FLAGS_overwrite);
  if (!help.takes_config) {
    RefuseConfigFlags(flags);
    return flags;
  }
  if (!help.single_run && (flags.threads != 0 || flags.overwrite ||
                           !flags.init_from.empty() || flags.eval_only)) {
    Refuse(
        "--threads, --overwrite, --init_from and --eval_only are for single "
        "runs");
  }
  if (!help.transformer && (!flags.init_from.empty() || flags.eval_only)) {
    Refuse("--init_from and --eval_only: this program has no transformer");
  }
  return flags;
}

}  // namespace polarize
