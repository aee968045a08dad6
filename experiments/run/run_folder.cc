#include "experiments/run/run_folder.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/run/file.h"
#include "google/protobuf/text_format.h"
#include "kernels/base/isa.h"

namespace polarize {
namespace {

constexpr absl::string_view kPartial = ".partial";
// Either says that there was a run.
constexpr absl::string_view kSummary = "summary.json";
constexpr absl::string_view kMetrics = "metrics.jsonl";
constexpr absl::string_view kFigures = "figures";

// The names in a folder, sorted; none if it cannot be read.
std::vector<std::string> Names(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const dir = opendir(folder.c_str());
  if (dir == nullptr) return names;
  while (const dirent* const entry = readdir(dir)) {
    names.push_back(entry->d_name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

// Whether a run wrote it, so that overwriting may remove it.
bool IsRunFile(absl::string_view name) {
  return name == kSummary || name == kMetrics ||
         absl::EndsWith(name, kPartial) ||
         // What a killed run had not given its name yet (see WholeFile).
         (absl::StartsWith(name, ".") && absl::EndsWith(name, ".tmp")) ||
         absl::StartsWith(name, "events.out.tfevents.") ||
         name == "config.textproto" || name == "environment.textproto" ||
         name == "weights.safetensors" || name == "logits.safetensors" ||
         name == "attention.safetensors" || name == "failure.json" ||
         name == "claims.jsonl" || name == "phase.csv" ||
         name == "interventions.csv" ||
         (absl::StartsWith(name, "history_") &&
          absl::EndsWith(name, ".safetensors"));
}

bool IsFigureFile(absl::string_view name) {
  return absl::EndsWith(name, ".dat") || absl::EndsWith(name, ".gp") ||
         absl::EndsWith(name, ".svg") || absl::EndsWith(name, ".pdf") ||
         // Of a gnuplot that was killed.
         absl::EndsWith(name, ".svg.new") || absl::EndsWith(name, ".pdf.new");
}

// Removes the files of `folder` that Chosen(name) picks.
template <typename Chosen>
absl::Status RemoveFiles(const std::string& folder, const Chosen& chosen) {
  for (const std::string& name : Names(folder)) {
    if (!chosen(name)) continue;
    const std::string path = absl::StrCat(folder, "/", name);
    if (unlink(path.c_str()) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", path));
    }
  }
  return absl::OkStatus();
}

// Of a run and of its pictures.
absl::Status RemoveRunFiles(const std::string& path) {
  const absl::Status status = RemoveFiles(path, IsRunFile);
  if (!status.ok()) return status;
  return RemoveFiles(absl::StrCat(path, "/", kFigures), IsFigureFile);
}

absl::Status CheckFree(const std::string& path, bool overwrite) {
  for (const std::string& name : Names(path)) {
    if (absl::EndsWith(name, kPartial) &&
        IsBeingWritten(absl::StrCat(path, "/", name))) {
      return absl::FailedPreconditionError(absl::StrCat(
          path, " belongs to a run that is still going on: ", "it is writing ",
          name));
    }
    if (!overwrite && (name == kSummary || name == kMetrics)) {
      return absl::AlreadyExistsError(absl::StrCat(
          path, " already holds a run: ", name,
          "; choose another folder, or replace it with --overwrite"));
    }
  }
  return absl::OkStatus();
}

// An error here, before the first step, costs nobody an hour of work.
absl::Status CheckWritable(const std::string& path) {
  absl::StatusOr<WholeFile> probe =
      WholeFile::Create(absl::StrCat(path, "/probe"));
  if (!probe.ok()) {
    return absl::Status(probe.status().code(),
                        absl::StrCat("cannot write to the folder ", path, ": ",
                                     probe.status().message()));
  }
  return probe->Write("x");
}

// Makes a folder that was not there before; its name tells which.
absl::StatusOr<std::string> MakeNewFolder(const std::string& path) {
  for (int i = 1;; ++i) {
    const std::string candidate = i == 1 ? path : absl::StrCat(path, "-", i);
    if (mkdir(candidate.c_str(), 0777) == 0) return candidate;
    if (errno != EEXIST) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("cannot make the folder ", candidate));
    }
  }
}

absl::StatusOr<std::string> MakeDefaultFolder(const RunFolderOptions& options) {
  const char* const directory = std::getenv("BUILD_WORKING_DIRECTORY");
  const std::string runs =
      directory == nullptr ? "runs" : absl::StrCat(directory, "/runs");
  if (absl::Status status = MakeFolders(runs); !status.ok()) return status;
  return MakeNewFolder(absl::StrCat(
      runs, "/", DefaultRunName(options.experiment, options.start)));
}

std::string Cpu() {
  // One processor's lines are a few thousand bytes, and there may be hundreds.
  const absl::StatusOr<std::string> text =
      ReadFile("/proc/cpuinfo", size_t{64} << 20);
  if (!text.ok()) return "unknown";
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(field.first) == "model name") {
      return std::string(absl::StripAsciiWhitespace(field.second));
    }
  }
  return "unknown";
}

std::string Compiler() {
#if defined(__clang__)
  return __VERSION__;  // names itself
#else
  return absl::StrCat("GCC ", __VERSION__);
#endif
}

std::string BuildMode() {
#if defined(NDEBUG)
  std::string mode = "optimized";
#else
  std::string mode = "debug";
#endif
#if defined(__SANITIZE_ADDRESS__)
  mode += ", address sanitizer";
#endif
#if defined(__SANITIZE_THREAD__)
  mode += ", thread sanitizer";
#endif
  return mode;
}

}  // namespace

std::string DefaultRunName(absl::string_view experiment, absl::Time start) {
  return absl::StrCat(
      experiment, "-",
      absl::FormatTime("%Y%m%d-%H%M%S", start, absl::UTCTimeZone()));
}

absl::StatusOr<RunFolder> RunFolder::Create(const RunFolderOptions& options) {
  std::string path = options.path;
  if (path.empty()) {
    absl::StatusOr<std::string> made = MakeDefaultFolder(options);
    if (!made.ok()) return made.status();
    path = *std::move(made);
  }
  absl::Status status = MakeFolders(path);
  if (status.ok()) status = CheckFree(path, options.overwrite);
  if (status.ok()) status = CheckWritable(path);
  if (status.ok() && options.overwrite) {
    status = RemoveRunFiles(path);
  }
  if (!status.ok()) return status;
  return RunFolder(std::move(path));
}

absl::Status RunFolder::Clear(const std::string& path) {
  absl::Status status = CheckFree(path, /*overwrite=*/true);
  if (status.ok()) status = RemoveRunFiles(path);
  if (!status.ok()) return status;
  // What else is there stays, and the folders with it.
  rmdir(absl::StrCat(path, "/", kFigures).c_str());
  rmdir(path.c_str());
  return absl::OkStatus();
}

std::string RunFolder::File(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

absl::Status RunFolder::WriteConfig(absl::string_view textproto) const {
  return WriteFileWhole(File("config.textproto"), textproto);
}

absl::Status RunFolder::WriteEnvironment(const Environment& environment) const {
  std::string text;
  if (!google::protobuf::TextFormat::PrintToString(environment, &text)) {
    return absl::InternalError("cannot print the environment");
  }
  return WriteFileWhole(File("environment.textproto"), text);
}

absl::Status RunFolder::WriteSummary(JsonLine& summary) const {
  return WriteFileWhole(File(kSummary), summary.TextWithNewline());
}

Environment DescribeEnvironment(absl::Time start, int argc,
                                const char* const* argv) {
  Environment environment;
  environment.set_compiler(Compiler());
  environment.set_build_mode(BuildMode());
  environment.set_simd_target(ChosenTargetName());
  environment.set_cpu(Cpu());
  environment.set_start_time(
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", start, absl::UTCTimeZone()));
  for (int i = 0; i < argc; ++i) environment.add_argument(argv[i]);
  return environment;
}

}  // namespace polarize
