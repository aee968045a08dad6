// "Did you mean ...?"
#ifndef POLARIZE_EXPERIMENTS_RUN_NEAREST_NAME_H_
#define POLARIZE_EXPERIMENTS_RUN_NEAREST_NAME_H_

#include <cstddef>
#include <string_view>

#include "absl/types/span.h"

namespace polarize {

// How far the typed name is from `name`: the number of characters to insert,
// drop, replace or swap with a neighbour. A part of `name` of at least three
// characters ("heads" of "num_heads") counts as 1. Letters of either case are
// equal.
size_t NameDistance(std::string_view typed, std::string_view name);

// Whether a name at this distance is worth suggesting: a third of the typed
// characters may be wrong, and always one.
bool IsNear(std::string_view typed, size_t distance);

// The nearest of `names`, the first of several; empty if none is near.
std::string_view NearestName(std::string_view typed,
                             absl::Span<const std::string_view> names);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_NEAREST_NAME_H_
