// Relative paths mean the directory that the user typed them in.
#ifndef POLARIZE_EXPERIMENTS_RUN_USER_PATH_H_
#define POLARIZE_EXPERIMENTS_RUN_USER_PATH_H_

#include <string>
#include <string_view>

namespace polarize {

// `path` as the user means it. `bazel run` starts a program in another
// directory and leaves the user's in BUILD_WORKING_DIRECTORY: relative paths
// get that one in front. Absolute paths, the empty path, and everything in a
// program started without `bazel run` stay as they are.
std::string UserPath(std::string_view path);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_USER_PATH_H_
