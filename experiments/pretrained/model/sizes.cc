#include "experiments/pretrained/model/sizes.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace polarize {

absl::Status CheckSizes(const PretrainedSizes& sizes) {
  const std::pair<const char*, size_t> all[] = {
      {"layers", sizes.layers},   {"embed_dim", sizes.embed_dim},
      {"heads", sizes.heads},     {"head_dim", sizes.head_dim},
      {"ffn_dim", sizes.ffn_dim}, {"vocab", sizes.vocab}};
  for (const auto& [name, value] : all) {
    if (value == 0) {
      return absl::InvalidArgumentError(absl::StrCat("model: ", name, " is 0"));
    }
  }
  if ((sizes.heads & (sizes.heads - 1)) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model: ", sizes.heads,
                     " heads; ALiBi's slopes are for a power of two"));
  }
  return absl::OkStatus();
}

std::vector<float> AlibiSlopes(size_t heads) {
  std::vector<float> slopes;
  const double first = std::exp2(-8.0 / static_cast<double>(heads));
  for (size_t n = 0; n < heads; ++n) {
    slopes.push_back(
        static_cast<float>(first * std::pow(first, static_cast<double>(n))));
  }
  return slopes;
}

}  // namespace polarize
