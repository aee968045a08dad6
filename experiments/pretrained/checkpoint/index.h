// The file "index" of a checkpoint: what its arrays are called, their types and
// shapes, and the training step.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_INDEX_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_INDEX_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/checkpoint/element_type.h"
#include "experiments/pretrained/checkpoint/zarray.h"

namespace polarize {

inline constexpr char kIndexFile[] = "index";

struct IndexEntry {
  ElementType type = ElementType::kF32;
  std::vector<uint64_t> shape;
};

struct CheckpointIndex {
  uint64_t step = 0;
  // The model's arrays, those below "model/", under their whole names.
  std::map<std::string, IndexEntry> arrays;
};

// The text is a JSON list of pairs, [name, value]. "step" is a whole number, an
// array {"dtype": "float32", "shape": "(32, 128)"}, and what does not belong to
// the model is not looked at. Errors name the entry and the rule.
absl::StatusOr<CheckpointIndex> ParseIndex(absl::string_view text);

// An error if the index knows the array under another type or shape, or not.
absl::Status CheckAgainstIndex(const CheckpointIndex& index,
                               const std::string& name, const Zarray& zarray);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_INDEX_H_
