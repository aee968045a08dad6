#include "experiments/sweep/sweep_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "experiments/run/config.h"
#include "experiments/run/file.h"
#include "experiments/run/json.h"
#include "experiments/run/json_file.h"
#include "experiments/run/run_folder.h"
#include "google/protobuf/text_format.h"

namespace polarize {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;  // of a file read here

std::string ConfigPath(const std::string& folder) {
  return absl::StrCat(folder, "/sweep.textproto");
}
std::string ListPath(const std::string& folder) {
  return absl::StrCat(folder, "/runs.tsv");
}
std::string NumericsPath(const std::string& folder) {
  return absl::StrCat(folder, "/numerics.textproto");
}

// Removes what a process that was killed had not given its name yet (see
// WholeFile), of the files that only the holder of the folder's lock writes.
void RemoveHalfWritten(const std::string& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!absl::EndsWith(name, ".tmp")) continue;
    for (const char* own :
         {".sweep.textproto.", ".runs.tsv.", ".numerics.textproto."}) {
      if (absl::StartsWith(name, own)) unlink(entry->path().c_str());
    }
  }
}

// The list's ids are all that is needed of an older list.
absl::StatusOr<std::vector<std::string>> IdsOf(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMostBytes);
  if (!text.ok()) return text.status();
  std::vector<std::string> ids;
  for (const absl::string_view line :
       absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> cells =
        absl::StrSplit(line, absl::MaxSplits('\t', 1));
    ids.push_back(cells[0]);
  }
  return ids;
}

absl::Status CheckSameExperiment(const std::string& path,
                                 const SweepConfig& config) {
  const absl::StatusOr<ConfigText> text = ReadConfigText(path);
  if (!text.ok()) return text.status();
  SweepConfig before;
  const absl::StatusOr<FieldPlaces> read = LoadConfig(*text, {}, &before);
  if (!read.ok()) return read.status();
  if (before.experiment() == config.experiment()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": a sweep of ", before.experiment(), ", not of ",
                   config.experiment(), ": choose another folder (--out)"));
}

// Whether the list would drop no run of the one that is there.
absl::Status CheckList(const std::string& folder, const SweepList& list) {
  const std::string path = ListPath(folder);
  if (!PathExists(path)) return absl::OkStatus();
  const absl::Status same =
      CheckSameExperiment(ConfigPath(folder), list.config);
  if (!same.ok()) return same;
  std::set<std::string> now;
  for (const SweepRun& run : list.runs) now.insert(run.id);
  const absl::StatusOr<std::vector<std::string>> before = IdsOf(path);
  if (!before.ok()) return before.status();
  size_t lost = 0;
  for (const std::string& id : *before) lost += now.count(id) == 0;
  if (lost == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": ", lost, " of its ", before->size(),
      " runs are not in this sweep: choose another folder (--out)"));
}

absl::Status WriteList(const std::string& folder, const SweepList& list) {
  const std::string table = RunsTable(list.runs);
  const absl::StatusOr<std::string> text =
      ReadFile(ListPath(folder), kMostBytes);
  if (text.ok() && *text == table) return absl::OkStatus();
  // The list last: it says that the config is there.
  const absl::Status written =
      WriteFileWhole(ConfigPath(folder), ResolvedText(list.config));
  return written.ok() ? WriteFileWhole(ListPath(folder), table) : written;
}

Environment EnvironmentOf(const std::string& numerics) {
  Environment environment = DescribeEnvironment(absl::Now(), 0, nullptr);
  environment.set_numerics(numerics);
  return environment;
}

// Whether the runs that are there, if any, have these numerics.
absl::Status CheckNumerics(const std::string& folder,
                           const std::string& numerics, bool mixed) {
  const std::string path = NumericsPath(folder);
  if (!PathExists(path)) return absl::OkStatus();
  const Environment environment = EnvironmentOf(numerics);
  const absl::StatusOr<std::string> read = ReadFile(path, kMostBytes);
  if (!read.ok()) return read.status();
  Environment before;
  if (!google::protobuf::TextFormat::ParseFromString(*read, &before)) {
    return absl::DataLossError(
        absl::StrCat(path, ": not the text of an Environment"));
  }
  if (mixed || before.numerics() == numerics) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": the sweep's runs have numerics ", before.numerics(), " (",
      before.simd_target(), ", ", before.compiler(), "); here they would have ",
      numerics, " (", environment.simd_target(), ", ", environment.compiler(),
      "): choose the same instruction set (--isa) and build, or another folder "
      "(--out), or allow both with --mixed_numerics"));
}

absl::Status WriteNumerics(const std::string& folder,
                           const std::string& numerics) {
  const std::string path = NumericsPath(folder);
  if (PathExists(path)) return absl::OkStatus();
  std::string text;
  google::protobuf::TextFormat::PrintToString(EnvironmentOf(numerics), &text);
  return WriteFileWhole(path, text);
}

// Makes the folder's own files, or nothing that is refused. Of two processes
// that begin the same sweep one writes, and the other reads.
absl::Status WriteOwnFiles(const std::string& folder, const SweepList& list,
                           const std::string& numerics, bool mixed) {
  absl::Status status = CheckList(folder, list);
  if (status.ok()) status = CheckNumerics(folder, numerics, mixed);
  if (status.ok()) RemoveHalfWritten(folder);
  if (status.ok()) status = WriteList(folder, list);
  return status.ok() ? WriteNumerics(folder, numerics) : status;
}

// A lock of one byte of the file `lock`.
struct flock LockAt(uint64_t place, short type) {
  struct flock lock;
  std::memset(&lock, 0, sizeof(lock));
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(place);
  lock.l_len = 1;
  return lock;
}

// Runs have places below this one, which is locked while a process looks at the
// folder's own files and writes them.
constexpr uint64_t kFolderPlace = uint64_t{1} << 62;

struct flock LockOf(absl::string_view id, short type) {
  uint64_t place = 0;
  for (const char c : id)
    place = place * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
  return LockAt(place >> 2, type);
}

std::string LockPath(const std::string& folder) {
  return absl::StrCat(folder, "/lock");
}

}  // namespace

absl::StatusOr<SweepFolder> SweepFolder::Open(const std::string& path,
                                              const SweepList& list,
                                              const std::string& numerics,
                                              bool mixed) {
  absl::Status status = MakeFolders(absl::StrCat(path, "/runs"));
  if (!status.ok()) return status;
  const int fd =
      open(LockPath(path).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  struct flock lock = LockAt(kFolderPlace, F_WRLCK);
  if (fd < 0 || fcntl(fd, F_SETLKW, &lock) != 0) {
    status = absl::ErrnoToStatus(errno,
                                 absl::StrCat("cannot lock ", LockPath(path)));
  }
  if (status.ok()) status = WriteOwnFiles(path, list, numerics, mixed);
  if (fd >= 0) close(fd);  // and with it the lock ends
  if (!status.ok()) return status;
  return SweepFolder(path);
}

std::string SweepFolder::RunPath(absl::string_view id) const {
  return absl::StrCat(path_, "/runs/", id);
}

std::string SweepFolder::LogPath(absl::string_view id) const {
  return absl::StrCat(RunPath(id), "/log.txt");
}

absl::StatusOr<RunOutcome> OutcomeIn(const std::string& sweep,
                                     absl::string_view id) {
  RunOutcome outcome;
  for (const char* name : {"summary.json", "failure.json"}) {
    const std::string path = absl::StrCat(sweep, "/runs/", id, "/", name);
    if (!PathExists(path)) continue;
    const absl::StatusOr<FlatJson> json = ReadFlatJson(path);
    if (!json.ok()) return json.status();
    const std::string* const state = TextIn(*json, "state");
    const std::string* const reason = TextIn(*json, "reason");
    if (state == nullptr) {
      return absl::DataLossError(absl::StrCat(path, ": no state in it"));
    }
    // A run takes away what the one before left: a failure.json beside it is of
    // a later start that did not get that far.
    if (*state == "interrupted") continue;
    if (*state == "finished") outcome.state = RunOutcome::kFinished;
    if (*state == "diverged") outcome.state = RunOutcome::kDiverged;
    if (*state == "failed") outcome.state = RunOutcome::kFailed;
    if (reason != nullptr) outcome.reason = *reason;
    const double* const seconds = NumberIn(*json, "seconds");
    if (seconds != nullptr) outcome.seconds = *seconds;
    return outcome;
  }
  return outcome;
}

bool SweepFolder::IsTaken(absl::string_view id) const {
  const int fd = open(LockPath(path_).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  struct flock lock = LockOf(id, F_WRLCK);
  const bool taken = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return taken;
}

absl::StatusOr<bool> SweepFolder::Take(absl::string_view id) const {
  const std::string path = LockPath(path_);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  struct flock lock = LockOf(id, F_WRLCK);
  if (fcntl(fd, F_SETLK, &lock) == 0) return true;  // and stays open
  const int error = errno;
  close(fd);
  if (error == EACCES || error == EAGAIN) return false;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot lock ", path));
}

absl::Status SweepFolder::RecordFailure(absl::string_view id,
                                        absl::string_view reason) const {
  absl::Status made = MakeFolders(RunPath(id));
  if (!made.ok()) return made;
  JsonLine failure;
  failure.Add("state", "failed").Add("reason", reason);
  return WriteFileWhole(absl::StrCat(RunPath(id), "/failure.json"),
                        failure.TextWithNewline());
}

}  // namespace polarize
