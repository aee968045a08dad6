// Which names of objects may become names of files.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_OBJECT_NAME_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_OBJECT_NAME_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace polarize {

// What a file is called while it is fetched ends so.
inline constexpr absl::string_view kPartialSuffix = ".partial";

// OK if `path`, a name that a store gave, is safe below a folder: relative,
// of components that are neither empty, "." nor "..", at most 200 bytes each
// and 1024 together, without control characters and backslashes, and none that
// ends in kPartialSuffix or begins with "fetch.", which names our own files.
absl::Status CheckObjectPath(absl::string_view path);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_OBJECT_NAME_H_
