#include "experiments/run/user_path.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace polarize {

std::string UserPath(std::string_view path) {
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (path.empty() || path[0] == '/' || directory == nullptr ||
      directory[0] == '\0') {
    return std::string(path);
  }
  return absl::StrCat(directory, "/", path);
}

}  // namespace polarize
