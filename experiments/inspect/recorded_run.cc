#include "experiments/inspect/recorded_run.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "experiments/run/build_commit.h"
#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "experiments/run/file.h"
#include "experiments/run/run_folder.h"
#include "hwy/targets.h"
#include "kernels/base/isa.h"

namespace polarize {
namespace {

constexpr char kPackage[] = "polarize.";

// The name of the section whose configs have this schema; empty: none.
std::string SectionOf(const std::string& schema) {
  if (schema == "InductionConfig") return "induction";
  if (schema == "ClassificationConfig") return "classification";
  return "";
}

absl::Status ReadConfig(const std::string& file, RecordedRun* run) {
  const absl::StatusOr<ConfigText> text = ReadConfigText(file);
  if (!text.ok()) return text.status();
  std::string schema = SchemaNamedIn(text->text);
  if (!absl::StartsWith(schema, kPackage)) {
    return absl::InvalidArgumentError(absl::StrCat(
        file,
        ": no comment \"# proto-message: polarize....\" on top says which "
        "experiment's config it is"));
  }
  schema.erase(0, std::strlen(kPackage));
  const std::string section = SectionOf(schema);
  if (section.empty()) {
    return absl::UnimplementedError(absl::StrCat(
        file, ": a ", schema,
        ": only runs of //experiments:induction and "
        "//experiments:classification can be compared and repeated"));
  }
  run->section = MakeSection(section);
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> config =
      run->section->Load(*text, {});
  if (!config.ok()) return config.status();
  run->config = *std::move(config);
  return absl::OkStatus();
}

absl::Status ReadEnvironment(const std::string& file,
                             Environment* environment) {
  const absl::StatusOr<ConfigText> text = ReadConfigText(file);
  if (!text.ok()) return text.status();
  return LoadConfig(*text, {}, environment).status();
}

absl::Status ReadRecord(RecordedRun* run) {
  absl::StatusOr<std::optional<RecordedMetrics>> metrics =
      ReadRecordedMetrics(run->folder);
  if (!metrics.ok()) return metrics.status();
  run->metrics = *std::move(metrics);
  const std::string summary = absl::StrCat(run->folder, "/summary.json");
  if (PathExists(summary)) {
    absl::StatusOr<FlatJson> json = ReadFlatJson(summary);
    if (!json.ok()) return json.status();
    run->summary = *std::move(json);
  }
  if (!run->metrics && !run->summary) {
    return absl::NotFoundError(
        absl::StrCat(run->folder,
                     ": neither metrics.jsonl nor summary.json is there: it "
                     "holds no results of a run"));
  }
  const std::string weights = absl::StrCat(run->folder, "/weights.safetensors");
  if (PathExists(weights)) run->weights = weights;
  return absl::OkStatus();
}

// Whether `name` was a flag on the run's command line.
bool HadFlag(const Environment& environment, absl::string_view name) {
  for (absl::string_view argument : environment.argument()) {
    if (!absl::ConsumePrefix(&argument, "-")) continue;
    absl::ConsumePrefix(&argument, "-");
    if (argument == name ||
        absl::StartsWith(argument, absl::StrCat(name, "="))) {
      return true;
    }
  }
  return false;
}

// The instruction set called `name`, or 0 if this machine lacks it.
int64_t UsableTargetNamed(absl::string_view name) {
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    if (name == hwy::TargetName(target)) return target;
  }
  return 0;
}

std::string UsableTargetNames() {
  std::vector<std::string> names;
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    names.push_back(hwy::TargetName(left & -left));
  }
  return absl::StrJoin(names, ", ");
}

absl::Status ChooseTarget(const RecordedRun& run, const RunFlags& flags,
                          Repetition* how) {
  const std::string file = absl::StrCat(run.folder, "/environment.textproto");
  if (flags.target != 0) {
    how->target = flags.target;
    how->isa = hwy::TargetName(flags.target);
    how->isa_from_flags = how->isa != run.environment.simd_target();
    return absl::OkStatus();
  }
  const std::string& recorded = run.environment.simd_target();
  how->target = UsableTargetNamed(recorded);
  how->isa = recorded;
  if (how->target == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        file, ": simd_target: \"", recorded,
        "\" is no instruction set of this machine, which has ",
        UsableTargetNames(),
        ": its bits cannot be repeated here; --isa=NAME repeats it on another "
        "one, with other last digits"));
  }
  // To pin the best one would switch off extensions that the run had: bfloat16
  // products.
  if (!HadFlag(run.environment, "isa") && recorded == ChosenTargetName()) {
    how->target = 0;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecordedRun> ReadRecordedRun(const std::string& folder) {
  RecordedRun run;
  run.folder = folder;
  while (run.folder.size() > 1 && run.folder.back() == '/') {
    run.folder.pop_back();
  }
  absl::Status status =
      ReadConfig(absl::StrCat(run.folder, "/config.textproto"), &run);
  if (status.ok()) {
    status = ReadEnvironment(absl::StrCat(run.folder, "/environment.textproto"),
                             &run.environment);
  }
  if (status.ok()) status = ReadRecord(&run);
  if (!status.ok()) return status;
  return run;
}

absl::StatusOr<Repetition> HowToRepeat(const RecordedRun& run,
                                       const RunFlags& flags) {
  const std::string file = absl::StrCat(run.folder, "/environment.textproto");
  if (HadFlag(run.environment, "init_from")) {
    return absl::UnimplementedError(absl::StrCat(
        file, ": argument: the run began with other weights (--init_from): ",
        "such runs are not repeated"));
  }
  Repetition how;
  const absl::Status chosen = ChooseTarget(run, flags, &how);
  if (!chosen.ok()) return chosen;
  const std::string& sharing = run.environment.sharing();
  how.sharing_from_flags = sharing.empty();
  how.sharing = sharing.empty() ? flags.sharing : sharing == "on";
  if (!sharing.empty() && sharing != "on" && sharing != "off") {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": sharing: \"", sharing, "\": must be \"on\" or \"off\""));
  }
  return how;
}

std::string MachineText(const Environment& environment) {
  std::vector<std::string> parts;
  const auto add = [&](absl::string_view what, const std::string& value) {
    parts.push_back(absl::StrCat(what, value.empty() ? "unknown" : value));
  };
  add("commit ", environment.commit());
  add(environment.compiler().empty() ? "compiler " : "",
      environment.compiler());
  add(environment.build_mode().empty() ? "build " : "",
      environment.build_mode());
  add(environment.simd_target().empty() ? "instruction set " : "",
      environment.simd_target());
  add(environment.cpu().empty() ? "processor " : "", environment.cpu());
  return absl::StrJoin(parts, ", ");
}

Environment EnvironmentHere(const std::string& isa) {
  Environment here = DescribeEnvironment(absl::Now(), 0, nullptr);
  here.set_commit(BuildCommit());
  here.set_simd_target(isa);
  return here;
}

std::string RepetitionText(const Repetition& repetition) {
  return absl::StrCat(
      "on ", repetition.isa,
      repetition.isa_from_flags ? " (--isa, not the recorded one)" : "",
      repetition.sharing ? ", equal rows once" : ", every row computed",
      repetition.sharing_from_flags ? " (--sharing: the run does not record it)"
                                    : "");
}

}  // namespace polarize
