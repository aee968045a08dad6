#include "tools/report/spread.h"

#include <algorithm>

namespace polarize {

void Spread::Add(double value, absl::string_view seed) {
  least_ = runs_ == 0 ? value : std::min(least_, value);
  greatest_ = runs_ == 0 ? value : std::max(greatest_, value);
  sum_ += value;
  ++runs_;
  seeds_.emplace(seed);
}

}  // namespace polarize
