#include "experiments/pretrained/checkpoint/checkpoint.h"

#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "experiments/pretrained/checkpoint/arrays.h"
#include "experiments/pretrained/checkpoint/index.h"
#include "experiments/pretrained/fetch/checksum.h"
#include "experiments/pretrained/fetch/lock_file.h"
#include "experiments/pretrained/fetch/store.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

constexpr size_t kMostIndexBytes = size_t{16} << 20;
constexpr size_t kMostLockBytes = size_t{64} << 20;

// A file's text, if there is one.
absl::StatusOr<absl::optional<std::string>> TextIfAny(const std::string& path,
                                                      size_t most) {
  absl::StatusOr<std::string> text = ReadFile(path, most);
  if (absl::IsNotFound(text.status())) return absl::optional<std::string>();
  if (!text.ok()) return text.status();
  return absl::optional<std::string>(*std::move(text));
}

std::string NameInFolder(const WeightArray& array) {
  return absl::StrCat("gda/model/", array.path);
}

std::string NameInIndex(const WeightArray& array) {
  return absl::StrCat("model/", array.path);
}

absl::Status OpenArrays(const std::string& folder, Checkpoint& checkpoint) {
  std::vector<std::vector<uint64_t>> shapes;
  for (const WeightArray& weights : WeightArrays()) {
    absl::StatusOr<ZarrArray> array =
        ZarrArray::Open(folder, NameInFolder(weights));
    if (!array.ok()) return array.status();
    if (!IsFloat(array->zarray().type)) {
      return absl::InvalidArgumentError(absl::StrCat(
          array->name(), ": dtype: ", ElementTypeName(array->zarray().type),
          " is no type of weights; must be float32 or bfloat16"));
    }
    shapes.push_back(array->zarray().shape);
    checkpoint.arrays.push_back(*std::move(array));
  }
  absl::StatusOr<PretrainedSizes> sizes = SizesFromShapes(shapes);
  if (!sizes.ok()) return sizes.status();
  checkpoint.sizes = *sizes;
  return absl::OkStatus();
}

absl::Status CheckIndex(const std::string& path, const std::string& text,
                        Checkpoint& checkpoint) {
  const auto error = [&path](const absl::Status& status) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", status.message()));
  };
  const absl::StatusOr<CheckpointIndex> index = ParseIndex(text);
  if (!index.ok()) return error(index.status());
  std::set<std::string> known;
  for (size_t i = 0; i < kWeightArrays; ++i) {
    const std::string name = NameInIndex(WeightArrays()[i]);
    const absl::Status status =
        CheckAgainstIndex(*index, name, checkpoint.arrays[i].zarray());
    if (!status.ok()) return error(status);
    known.insert(name);
  }
  for (const auto& [name, entry] : index->arrays) {
    if (known.count(name) > 0) continue;
    return error(absl::InvalidArgumentError(absl::StrCat(
        name, ": an array that the models of this kind do not have")));
  }
  checkpoint.step = index->step;
  return absl::OkStatus();
}

// Which of the public checkpoints it is; "" for others.
std::string AttentionOf(const CheckpointLock& lock) {
  for (const char* const attention : {"softmax", "sigmoid"}) {
    const absl::StatusOr<CheckpointSource> source = PublicCheckpoint(attention);
    if (source.ok() && lock.bucket() == source->bucket &&
        lock.prefix() == source->prefix) {
      return attention;
    }
  }
  return "";
}

absl::Status CheckLockedSize(const std::map<std::string, LockedObject>& locked,
                             const ZarrArray& array, uint64_t chunk,
                             uint64_t bytes) {
  const auto found =
      locked.find(absl::StrCat(array.name(), "/", array.Key(chunk)));
  const auto error = [&](absl::string_view rule) {
    return absl::FailedPreconditionError(
        absl::StrCat(array.name(), ": chunk ", array.Key(chunk), ": ", rule));
  };
  if (found == locked.end()) {
    return error(absl::StrCat("the folder's ", kLockName, " does not name it"));
  }
  if (found->second.size() == bytes) return absl::OkStatus();
  return error(absl::StrCat("has ", bytes, " bytes, but the folder's ",
                            kLockName, " says ", found->second.size()));
}

std::string Sha256(absl::string_view text) {
  StreamChecksums sums;
  sums.Add(text);
  return sums.Get().sha256;
}

// What the files of chunks are held against.
struct ChunkRules {
  std::map<std::string, LockedObject> locked;  // empty: there is no lock
  bool allow_missing = false;
};

// Looks for a chunk's file; its size, if there is one.
absl::StatusOr<absl::optional<uint64_t>> FindChunk(const ZarrArray& array,
                                                   uint64_t chunk,
                                                   const ChunkRules& rules) {
  absl::StatusOr<absl::optional<uint64_t>> bytes = array.FileBytes(chunk);
  if (!bytes.ok()) return bytes;
  if (bytes->has_value()) {
    if (rules.locked.empty()) return bytes;
    const absl::Status status =
        CheckLockedSize(rules.locked, array, chunk, **bytes);
    if (!status.ok()) return status;
  } else if (!rules.allow_missing) {
    return absl::NotFoundError(
        absl::StrCat(array.name(), ": chunk ", array.Key(chunk),
                     ": it has no file, as where a download is not complete. "
                     "--allow_missing_chunks takes such chunks for zeros"));
  }
  return bytes;
}

// Looks for all chunks, and adds names and sizes to `source`.
absl::Status FindChunks(const ChunkRules& rules, Checkpoint& checkpoint,
                        StreamChecksums& source) {
  for (const ZarrArray& array : checkpoint.arrays) {
    const uint64_t chunks = array.zarray().ChunkCount();
    source.Add(absl::StrCat(array.name(), "\n", array.text(), "\n"));
    std::vector<bool> missing(chunks, false);
    for (uint64_t chunk = 0; chunk < chunks; ++chunk) {
      const absl::StatusOr<absl::optional<uint64_t>> bytes =
          FindChunk(array, chunk, rules);
      if (!bytes.ok()) return bytes.status();
      missing[chunk] = !bytes->has_value();
      checkpoint.missing_chunks += missing[chunk];
      source.Add(absl::StrCat(array.Key(chunk), " ",
                              missing[chunk] ? "-" : absl::StrCat(**bytes),
                              "\n"));
    }
    checkpoint.missing.push_back(std::move(missing));
  }
  return absl::OkStatus();
}

// The lock's part of `checkpoint`, and what it says of files.
absl::StatusOr<std::map<std::string, LockedObject>> TakeLock(
    const std::string& path, Checkpoint& checkpoint) {
  const absl::StatusOr<absl::optional<std::string>> text =
      TextIfAny(path, kMostLockBytes);
  if (!text.ok()) return text.status();
  if (!text->has_value()) return std::map<std::string, LockedObject>();
  const absl::StatusOr<CheckpointLock> lock = ReadLock(path);
  if (!lock.ok()) return lock.status();
  if (!lock->complete()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the fetch is not complete; start it again"));
  }
  checkpoint.lock_sha256 = Sha256(**text);
  checkpoint.attention = AttentionOf(*lock);
  return ByPath(*lock);
}

}  // namespace

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& folder,
                                          bool allow_missing_chunks) {
  Checkpoint checkpoint;
  absl::Status status = OpenArrays(folder, checkpoint);
  if (!status.ok()) return status;
  const std::string index_path = absl::StrCat(folder, "/", kIndexFile);
  const absl::StatusOr<absl::optional<std::string>> index =
      TextIfAny(index_path, kMostIndexBytes);
  if (!index.ok()) return index.status();
  if (index->has_value()) status = CheckIndex(index_path, **index, checkpoint);
  if (!status.ok()) return status;
  absl::StatusOr<std::map<std::string, LockedObject>> locked =
      TakeLock(absl::StrCat(folder, "/", kLockName), checkpoint);
  if (!locked.ok()) return locked.status();
  StreamChecksums source;
  source.Add(absl::StrCat("index ", Sha256(index->value_or("")), " lock ",
                          checkpoint.lock_sha256, "\n"));
  status = FindChunks({*std::move(locked), allow_missing_chunks}, checkpoint,
                      source);
  if (!status.ok()) return status;
  checkpoint.source_sha256 = source.Get().sha256;
  return checkpoint;
}

}  // namespace polarize
