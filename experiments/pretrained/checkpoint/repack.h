// A checkpoint's chunks, which span all layers, into one file per layer.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_REPACK_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_REPACK_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/pretrained/checkpoint/packed_layout.h"
#include "experiments/run/progress.h"
#include "protos/packed_checkpoint.pb.h"

namespace polarize {

struct RepackOptions {
  std::string checkpoint_dir;
  std::string out;
  PackedPrecision precision = PackedPrecision::kF32;
  bool allow_missing_chunks = false;
  bool dry_run = false;  // looks at everything, changes nothing
  // Chunks are written down as done when so many bytes, of which a kill loses
  // no more, have gone to the disk.
  uint64_t sync_bytes = uint64_t{256} << 20;
  std::function<bool()> cancelled = [] { return false; };
  Progress* progress = nullptr;
};

struct RepackReport {
  PackedCheckpoint manifest;  // as in the folder
  bool was_there = false;     // and nothing had to be done
  uint64_t chunks = 0;
  uint64_t continued = 0;   // of these, done before
  uint64_t missing = 0;     // of these, taken for zeros
  uint64_t read_bytes = 0;  // by this call, behind the compression
  uint64_t bytes = 0;       // of the packed files
};

// Reads every chunk once, as a stream, and writes its parts to where they
// belong. Memory: some 10 MB and zstd's window, whatever the size of a chunk.
// What is interrupted, by a kill too, goes on behind the last chunk that was
// written down; the files get their names, and packed.textproto is written,
// when all is there. A folder that holds another checkpoint, the same with
// another precision, or what no repacking left, is an error, and so is a disk
// without room. Cancelled, with all chunks that were done kept, once
// options.cancelled says so.
absl::StatusOr<RepackReport> Repack(const RepackOptions& options);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_REPACK_H_
