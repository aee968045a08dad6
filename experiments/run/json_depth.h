// How deep the brackets of a JSON text are, before anybody parses it.
#ifndef POLARIZE_EXPERIMENTS_RUN_JSON_DEPTH_H_
#define POLARIZE_EXPERIMENTS_RUN_JSON_DEPTH_H_

#include "absl/strings/string_view.h"

namespace polarize {

// What protobuf's reader of JSON takes at most in a Value, a ListValue or a
// Struct: three messages inside of each other for a bracket, of 100.
inline constexpr int kMostJsonDepth = 30;

// Whether brackets, outside of texts in quotation marks of either kind, are
// more than `most` deep. Look at this first: the time of protobuf's reader
// grows with the square of the depth.
bool IsJsonDeeperThan(absl::string_view text, int most);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_JSON_DEPTH_H_
