#include "experiments/pretrained/model/prompts.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace polarize {

absl::StatusOr<Prompts> Prompts::Create(
    const std::vector<std::vector<int32_t>>& ids, size_t vocab) {
  Prompts prompts;
  for (size_t p = 0; p < ids.size(); ++p) {
    size_t length = ids[p].size();
    while (length > 0 && ids[p][length - 1] == kPadding) --length;
    for (size_t i = 0; i < length; ++i) {
      const int32_t id = ids[p][i];
      if (id < 0 || static_cast<size_t>(id) >= vocab) {
        return absl::InvalidArgumentError(
            absl::StrCat("prompt ", p, ", position ", i, ": token ", id,
                         " is not one of ", vocab));
      }
      prompts.ids_.push_back(id);
      prompts.counted_ += id != kPadding;
    }
    prompts.begin_.push_back(prompts.ids_.size());
    prompts.longest_ = std::max(prompts.longest_, length);
  }
  return prompts;
}

}  // namespace polarize
