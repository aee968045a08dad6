// Reading and writing files so that a reader never sees half of one.
//
// Every error names the path. Nothing here throws.
#ifndef POLARIZE_EXPERIMENTS_RUN_FILE_H_
#define POLARIZE_EXPERIMENTS_RUN_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

// The bytes of the regular file `path`; an error if there are more than
// `max_bytes`, before memory for them is asked for.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// A file written in pieces that appears under its name only when it is whole:
// the pieces go to a file of another name in the same folder, which Commit()
// renames. Without a Commit() that succeeds, that file is removed and whatever
// `path` was before stays as it was.
class WholeFile {
 public:
  static absl::StatusOr<WholeFile> Create(const std::string& path);

  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&& other) = delete;
  ~WholeFile();

  absl::Status Write(absl::string_view bytes);
  // Puts the bytes on the disk (fsync), closes and renames. Call it once, last.
  absl::Status Commit();

 private:
  WholeFile(std::string path, std::string aside, int fd);

  std::string path_;
  std::string aside_;  // empty once renamed
  int fd_;
};

// One WholeFile with these contents.
absl::Status WriteFileWhole(const std::string& path,
                            absl::string_view contents);

// A file that grows during a run. It is called `path`.partial until Finish()
// renames it, so that a file called `path` is a finished one; kInPlace is for
// formats whose readers follow a growing file under its own name.
//
// Append() gathers bytes in memory and allocates nothing itself while calls
// are shorter than the buffer. A write that fails leaves in the file only what
// earlier writes put there whole, and may be tried again with Flush().
// While open, the file is locked (flock), which is how IsBeingWritten() tells
// a living writer from what a killed one left; a second writer is an error.
class AppendFile {
 public:
  enum class Name { kPartialUntilFinished, kInPlace };

  // Empties a file that a dead writer left under the same name.
  static absl::StatusOr<AppendFile> Create(
      const std::string& path, Name name = Name::kPartialUntilFinished);

  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) = delete;
  // Close(), without a way to report its error.
  ~AppendFile();

  absl::Status Append(absl::string_view bytes);
  // Hands what was appended to the operating system.
  absl::Status Flush();
  // Flushes and closes; the file keeps the name that it has.
  absl::Status Close();
  // Flushes to the disk (fsync), closes and gives the file its final name.
  absl::Status Finish();
  // Closes and removes the file.
  absl::Status Discard();

  // The name on the disk now.
  const std::string& current_path() const { return current_path_; }

 private:
  AppendFile(std::string path, std::string current_path, int fd);
  absl::Status CloseDescriptor();

  std::string path_;
  std::string current_path_;
  int fd_;
  uint64_t size_ = 0;    // in the file
  std::string pending_;  // after it
};

// Whether an AppendFile, in any process, has `path` open.
bool IsBeingWritten(const std::string& path);

// Whether there is a file, a folder or anything else at `path`, where its links
// lead. False also where that cannot be told.
bool PathExists(const std::string& path);

// Makes the folder and those above it; one that exists already is fine.
absl::Status MakeFolders(const std::string& path);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FILE_H_
