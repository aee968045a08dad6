#include "experiments/pretrained/fetch/lock_file.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/fetch/checksum.h"
#include "experiments/pretrained/fetch/object_name.h"
#include "experiments/run/file.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace polarize {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;
constexpr char kHeader[] =
    "# proto-file: protos/checkpoint_lock.proto\n"
    "# proto-message: polarize.CheckpointLock\n"
    "# What was fetched. Later fetches must bring the same.\n";

// Keeps the first error of a text.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text.empty()) return;
    text = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }

  std::string text;
};

absl::Status CheckObject(const LockedObject& object) {
  if (absl::Status status = CheckObjectPath(object.path()); !status.ok()) {
    return status;
  }
  if (!object.has_size() || !object.has_generation()) {
    return absl::InvalidArgumentError(
        absl::StrCat(object.path(), ": size or generation is missing"));
  }
  const absl::StatusOr<uint32_t> crc32c = ParseCrc32c(object.crc32c());
  if (!crc32c.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(object.path(), ": crc32c: ", crc32c.status().message()));
  }
  if (!IsSha256(object.sha256())) {
    return absl::InvalidArgumentError(absl::StrCat(
        object.path(), ": sha256 must have 64 hexadecimal digits"));
  }
  return absl::OkStatus();
}

absl::Status CheckLock(const CheckpointLock& lock) {
  std::set<std::string> paths;
  for (const LockedObject& object : lock.object()) {
    if (absl::Status status = CheckObject(object); !status.ok()) return status;
    if (!paths.insert(object.path()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(object.path(), " is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status Changed(const std::string& path, const std::string& how) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, " has changed in the store since this folder's ", kLockName,
      " was written: ", how,
      ". Fetch into another folder, or keep what is here with --offline"));
}

absl::Status CheckObjectAgainst(const StoreObject& object,
                                const LockedObject& locked) {
  if (object.size != locked.size()) {
    return Changed(object.path,
                   absl::StrCat("it has ", object.size, " bytes in place of ",
                                locked.size()));
  }
  if (Crc32cText(object.crc32c) != locked.crc32c()) {
    return Changed(
        object.path,
        absl::StrCat("crc32c ", Crc32cText(object.crc32c), " in place of ",
                     locked.crc32c(), " (generation ", object.generation,
                     " in place of ", locked.generation(), ")"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CheckpointLock> ReadLock(const std::string& path) {
  CheckpointLock lock;
  const absl::StatusOr<std::string> text = ReadFile(path, kMostBytes);
  if (absl::IsNotFound(text.status())) return lock;
  if (!text.ok()) return text.status();
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(*text, &lock)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", error.text));
  }
  const absl::Status checked = CheckLock(lock);
  if (!checked.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", checked.message()));
  }
  return lock;
}

absl::Status WriteLock(const std::string& path, CheckpointLock lock) {
  std::sort(lock.mutable_object()->begin(), lock.mutable_object()->end(),
            [](const LockedObject& a, const LockedObject& b) {
              return a.path() < b.path();
            });
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(lock, &text);
  return WriteFileWhole(path, absl::StrCat(kHeader, text));
}

std::map<std::string, LockedObject> ByPath(const CheckpointLock& lock) {
  std::map<std::string, LockedObject> objects;
  for (const LockedObject& object : lock.object()) {
    objects[object.path()] = object;
  }
  return objects;
}

absl::Status CheckAgainstLock(const std::vector<StoreObject>& objects,
                              const CheckpointLock& lock) {
  std::map<std::string, LockedObject> locked = ByPath(lock);
  for (const StoreObject& object : objects) {
    const auto found = locked.find(object.path);
    if (found == locked.end()) {
      if (!lock.complete()) continue;
      return Changed(object.path, "it was not there then");
    }
    const absl::Status status = CheckObjectAgainst(object, found->second);
    if (!status.ok()) return status;
    locked.erase(found);
  }
  if (locked.empty()) return absl::OkStatus();
  return Changed(locked.begin()->first, "it is gone");
}

}  // namespace polarize
