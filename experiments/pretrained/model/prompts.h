// Token ids of prompts, as the forward pass and the statistics see them.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_PROMPTS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_PROMPTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace polarize {

// Prompts without the padding at their ends (id 0), which no query of a prompt
// sees. A prompt may be empty.
class Prompts {
 public:
  static constexpr int32_t kPadding = 0;

  // An error names prompt and position of an id outside 0 .. vocab - 1.
  static absl::StatusOr<Prompts> Create(
      const std::vector<std::vector<int32_t>>& ids, size_t vocab);

  size_t size() const { return begin_.size() - 1; }
  size_t length(size_t prompt) const {
    return begin_[prompt + 1] - begin_[prompt];
  }
  // Rows of all prompts, one after the other.
  size_t rows() const { return begin_.back(); }
  size_t first_row(size_t prompt) const { return begin_[prompt]; }
  size_t longest() const { return longest_; }
  absl::Span<const int32_t> ids(size_t prompt) const {
    return absl::MakeConstSpan(ids_).subspan(begin_[prompt], length(prompt));
  }
  // Whether statistics count the query at this position: not at padding.
  bool counts(size_t prompt, size_t position) const {
    return ids_[begin_[prompt] + position] != kPadding;
  }
  size_t counted() const { return counted_; }

 private:
  std::vector<int32_t> ids_;
  std::vector<size_t> begin_ = {0};
  size_t longest_ = 0;
  size_t counted_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_PROMPTS_H_
