// One writer at a time in a folder, and room for what it writes.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FOLDER_GUARD_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FOLDER_GUARD_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

// Holds a folder while it lives; a process that dies lets it go. Works through
// a lock on the file NAME.busy in it, which stays there.
class FolderGuard {
 public:
  // Makes the folder, and those above, if there is none. An error, which says
  // what that one is `doing` ("fetching"), if another process, or another guard
  // of this one, holds it.
  static absl::StatusOr<FolderGuard> Take(const std::string& folder,
                                          const std::string& name,
                                          absl::string_view doing);

  FolderGuard(FolderGuard&& other) noexcept;
  FolderGuard& operator=(FolderGuard&& other) = delete;
  ~FolderGuard();

 private:
  explicit FolderGuard(int fd) : fd_(fd) {}

  int fd_;
};

// `folder`, or what exists of the folders above it.
std::string ExistingFolder(std::string folder);

// An error unless the folder's disk has room for so many bytes and a little
// more; `flag` is how the user names another folder.
absl::Status CheckSpace(const std::string& folder, uint64_t bytes,
                        absl::string_view flag);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FOLDER_GUARD_H_
