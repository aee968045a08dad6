#include "experiments/pretrained/fetch/plan.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/pretrained/fetch/checksum.h"
#include "experiments/pretrained/fetch/lock_file.h"
#include "experiments/pretrained/fetch/object_name.h"
#include "experiments/pretrained/fetch/partial_file.h"

namespace polarize {
namespace {

// Bytes of a partial file that can be gone on with.
uint64_t PartialBytes(const PlannedFile& file) {
  struct stat info;
  const std::string path = PartialPath(file.path, file.object.generation);
  if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  const uint64_t bytes = static_cast<uint64_t>(info.st_size);
  return bytes <= file.object.size ? bytes : 0;
}

absl::Status LookAt(PlannedFile& file, bool trust_locked) {
  struct stat info;
  if (stat(file.path.c_str(), &info) != 0) {
    if (errno != ENOENT) {
      return absl::ErrnoToStatus(errno,
                                 absl::StrCat("cannot look at ", file.path));
    }
    file.here_bytes = PartialBytes(file);
    return absl::OkStatus();
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(file.path, " is there, but is not a regular file"));
  }
  if (static_cast<uint64_t>(info.st_size) != file.object.size) {
    return absl::FailedPreconditionError(absl::StrCat(
        file.path, " has ", info.st_size, " bytes, the object in the store ",
        file.object.size, ": remove the file to have it fetched again"));
  }
  file.action = trust_locked && !file.sha256.empty() ? PlannedFile::kTrust
                                                     : PlannedFile::kVerify;
  return absl::OkStatus();
}

// PATH of a name PATH.GENERATION.partial; empty if it is another kind of name.
absl::string_view PathOfPartial(absl::string_view name) {
  if (!absl::ConsumeSuffix(&name, kPartialSuffix)) return "";
  const size_t dot = name.rfind('.');
  if (dot == name.npos || dot + 1 == name.size()) return "";
  const absl::string_view generation = name.substr(dot + 1);
  if (!std::all_of(generation.begin(), generation.end(), absl::ascii_isdigit)) {
    return "";
  }
  return name.substr(0, dot);
}

std::vector<std::string> PathsIn(const std::string& folder) {
  std::vector<std::string> paths;
  DIR* const dir = opendir(folder.c_str());
  if (dir == nullptr) return paths;
  while (const dirent* const entry = readdir(dir)) {
    paths.push_back(absl::StrCat(folder, "/", entry->d_name));
  }
  closedir(dir);
  return paths;
}

}  // namespace

size_t Plan::Count(PlannedFile::Action action) const {
  return static_cast<size_t>(std::count_if(
      files.begin(), files.end(),
      [&](const PlannedFile& file) { return file.action == action; }));
}

uint64_t Plan::Bytes(PlannedFile::Action action) const {
  uint64_t bytes = 0;
  for (const PlannedFile& file : files) {
    if (file.action == action) bytes += file.object.size;
  }
  return bytes;
}

uint64_t Plan::MissingBytes() const {
  uint64_t bytes = 0;
  for (const PlannedFile& file : files) {
    if (file.action == PlannedFile::kFetch) {
      bytes += file.object.size - file.here_bytes;
    }
  }
  return bytes;
}

absl::StatusOr<Plan> MakePlan(const std::string& folder,
                              const std::vector<StoreObject>& objects,
                              const CheckpointLock& lock, bool trust_locked) {
  const std::map<std::string, LockedObject> locked = ByPath(lock);
  Plan plan;
  uint64_t sum = 0;
  for (const StoreObject& object : objects) {
    if (object.size > uint64_t{INT64_MAX} - sum) {
      return absl::InvalidArgumentError(
          absl::StrCat(object.path, ": no disk has its size"));
    }
    sum += object.size;
    PlannedFile file;
    file.object = object;
    file.path = absl::StrCat(folder, "/", object.path);
    const auto found = locked.find(object.path);
    if (found != locked.end()) file.sha256 = found->second.sha256();
    const absl::Status status = LookAt(file, trust_locked);
    if (!status.ok()) return status;
    plan.files.push_back(std::move(file));
  }
  // So that no large one is left to the end, when the others have nothing to
  // do.
  std::stable_sort(plan.files.begin(), plan.files.end(),
                   [](const PlannedFile& a, const PlannedFile& b) {
                     return a.object.size > b.object.size;
                   });
  return plan;
}

absl::StatusOr<std::vector<StoreObject>> LockedObjects(
    const CheckpointLock& lock) {
  if (!lock.complete()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "without asking the store a copy can be checked only against a ",
        "complete ", kLockName, ", and here is none"));
  }
  std::vector<StoreObject> objects;
  for (const LockedObject& locked : lock.object()) {
    const absl::StatusOr<uint32_t> crc32c = ParseCrc32c(locked.crc32c());
    if (!crc32c.ok()) return crc32c.status();
    objects.push_back(
        {locked.path(), locked.size(), locked.generation(), *crc32c});
  }
  return objects;
}

void RemoveStaleFiles(const std::string& folder, const Plan& plan) {
  // As WriteFileWhole calls a file that it has not renamed yet.
  const std::string half_lock = absl::StrCat(folder, "/.", kLockName, ".");
  for (const std::string& path : PathsIn(folder)) {
    if (absl::StartsWith(path, half_lock)) unlink(path.c_str());
  }
  std::map<std::string, std::string> wanted;  // file to its partial file
  std::set<std::string> folders;
  for (const PlannedFile& file : plan.files) {
    wanted[file.path] = file.action == PlannedFile::kFetch
                            ? PartialPath(file.path, file.object.generation)
                            : std::string();
    folders.insert(file.path.substr(0, file.path.rfind('/')));
  }
  for (const std::string& of_files : folders) {
    for (const std::string& path : PathsIn(of_files)) {
      const auto found = wanted.find(std::string(PathOfPartial(path)));
      if (found != wanted.end() && found->second != path) unlink(path.c_str());
    }
  }
}

}  // namespace polarize
