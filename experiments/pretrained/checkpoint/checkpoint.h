// A checkpoint's folder, looked through before anything is done with it.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_CHECKPOINT_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/pretrained/checkpoint/zarr_array.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

struct Checkpoint {
  std::vector<ZarrArray> arrays;  // as WeightArrays() has them
  PretrainedSizes sizes;
  // By array and chunk: it has no file, which stands for zeros.
  std::vector<std::vector<bool>> missing;
  uint64_t missing_chunks = 0;
  // As protos/packed_checkpoint.proto has them.
  uint64_t step = 0;
  std::string attention;
  std::string lock_sha256;
  std::string source_sha256;
};

// Reads the metadata of all arrays, the index and the fetch's lock if they are
// there, and looks for every chunk's file. Errors name the array, and the chunk
// or the field: an array that is missing, that has another shape than the
// others or the index want, that holds no floats, or that these models do not
// have; a chunk that is missing, unless that is allowed, or of another size
// than the lock says; a fetch that is not complete.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& folder,
                                          bool allow_missing_chunks);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_CHECKPOINT_H_
