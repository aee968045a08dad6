// The record of what a folder's checkpoint consists of, to the last bit.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_LOCK_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_LOCK_FILE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/pretrained/fetch/store.h"
#include "protos/checkpoint_lock.pb.h"

namespace polarize {

// In the checkpoint's folder.
inline constexpr char kLockName[] = "fetch.lock.textproto";

// The lock in the file `path`; an empty one if there is none. Everything in it
// is checked: safe paths, each once, sha256 and crc32c of the right form.
absl::StatusOr<CheckpointLock> ReadLock(const std::string& path);

// Writes it whole, the objects sorted.
absl::Status WriteLock(const std::string& path, CheckpointLock lock);

// The locked objects by path.
std::map<std::string, LockedObject> ByPath(const CheckpointLock& lock);

// What a store lists now against what was locked: an object whose size or
// checksum is another one, one that is gone, and, if the lock is complete, one
// more, are an error that names it. A new generation with the same size and
// checksum is none: the same bytes were written again.
absl::Status CheckAgainstLock(const std::vector<StoreObject>& objects,
                              const CheckpointLock& lock);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_LOCK_FILE_H_
