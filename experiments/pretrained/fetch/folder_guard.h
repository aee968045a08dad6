// One fetch at a time in a folder.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FOLDER_GUARD_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FOLDER_GUARD_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace polarize {

// Holds a folder while it lives; a process that dies lets it go. Works through
// a lock on the file fetch.busy in it, which stays there.
class FolderGuard {
 public:
  // Makes the folder, and those above, if there is none. An error if another
  // process, or another guard of this one, holds it.
  static absl::StatusOr<FolderGuard> Take(const std::string& folder);

  FolderGuard(FolderGuard&& other) noexcept;
  FolderGuard& operator=(FolderGuard&& other) = delete;
  ~FolderGuard();

 private:
  explicit FolderGuard(int fd) : fd_(fd) {}

  int fd_;
};

// An error unless the folder's disk has room for so many bytes and a little
// more.
absl::Status CheckSpace(const std::string& folder, uint64_t bytes);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FOLDER_GUARD_H_
