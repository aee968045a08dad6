// Which chunks are done, kept in the folder while a repacking is not.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_JOURNAL_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_JOURNAL_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace polarize {

inline constexpr char kJournalFile[] = "repack.journal";

// An array's number and a chunk's.
using ChunkId = std::pair<uint64_t, uint64_t>;

// A file of lines: what is repacked and how ("polarize repack 1 KEY"), then two
// numbers for each chunk. A last line that a kill cut off does not count.
class Journal {
 public:
  // A new one without chunks.
  static absl::StatusOr<Journal> Create(const std::string& path,
                                        const std::string& key);
  // The one that is there; an error if it is of another key, or damaged.
  static absl::StatusOr<Journal> Open(const std::string& path,
                                      const std::string& key);

  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&& other) = delete;
  ~Journal();

  bool Has(ChunkId chunk) const { return done_.count(chunk) > 0; }
  uint64_t size() const { return done_.size(); }
  // They are on the disk: puts that on the disk.
  absl::Status Add(const std::set<ChunkId>& chunks);
  // Removes the file. Call it once, last.
  absl::Status Remove();

 private:
  Journal(std::string path, int fd, std::set<ChunkId> done);
  static absl::StatusOr<Journal> OpenAt(const std::string& path, uint64_t bytes,
                                        std::set<ChunkId> done);

  std::string path_;
  int fd_;
  std::set<ChunkId> done_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_JOURNAL_H_
