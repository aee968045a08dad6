// What is to be done to make a folder hold a checkpoint.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_PLAN_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/pretrained/fetch/store.h"
#include "protos/checkpoint_lock.pb.h"

namespace polarize {

struct PlannedFile {
  enum Action {
    kFetch,   // not there
    kVerify,  // there, with the right size
    kTrust,   // the same, locked, and its bytes are not to be read
  };
  Action action = kFetch;
  StoreObject object;
  std::string path;         // of the file
  std::string sha256;       // of the lock; empty: not locked
  uint64_t here_bytes = 0;  // of a partial file
};

struct Plan {
  std::vector<PlannedFile> files;  // the largest first

  size_t Count(PlannedFile::Action action) const;
  // Of the files with this action.
  uint64_t Bytes(PlannedFile::Action action) const;
  // Bytes that are not here yet.
  uint64_t MissingBytes() const;
};

// Looks at what `folder` has of the objects. A file with another size, or that
// is no regular file, is an error: nothing of the user's is replaced. Changes
// nothing, and works for a folder that does not exist.
absl::StatusOr<Plan> MakePlan(const std::string& folder,
                              const std::vector<StoreObject>& objects,
                              const CheckpointLock& lock, bool trust_locked);

// The objects that a complete lock names.
absl::StatusOr<std::vector<StoreObject>> LockedObjects(
    const CheckpointLock& lock);

// Removes what killed processes left in `folder` and nothing can go on with:
// partial files of other generations and of files that are whole, and half a
// lock. For whoever holds the folder (FolderGuard).
void RemoveStaleFiles(const std::string& folder, const Plan& plan);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_PLAN_H_
