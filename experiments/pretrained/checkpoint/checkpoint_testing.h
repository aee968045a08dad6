// Small checkpoints for tests: those of testdata/, which TensorStore wrote
// (tools/peer/write_checkpoint.py), and chunks made by hand.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_CHECKPOINT_TESTING_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_CHECKPOINT_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

// The folder of the checkpoint "float32" or "bfloat16".
std::string FixtureFolder(absl::string_view name);
PretrainedSizes FixtureSizes();

// Element `i` of an array, in the order of WeightArrays(), before it was
// rounded to bfloat16.
float FixtureValue(size_t array, uint64_t i);
// Rounded to bfloat16, to nearest, by arithmetic on doubles.
float RoundedToBF16(float value);

// Copies a folder with all that is in it.
void CopyFolder(const std::string& from, const std::string& to);

// A zstd frame that holds these bytes as they are, in blocks of 128 KiB, with
// their number in its header or without.
std::string StoredFrame(absl::string_view bytes, bool with_size);
// The same of `count` times a byte, four bytes for each block.
std::string RepeatedFrame(char byte, uint64_t count);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_CHECKPOINT_TESTING_H_
