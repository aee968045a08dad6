// The text of a config and where it came from.
#ifndef POLARIZE_EXPERIMENTS_RUN_CONFIG_TEXT_H_
#define POLARIZE_EXPERIMENTS_RUN_CONFIG_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace polarize {

struct ConfigText {
  std::string file;  // as error messages name it
  std::string text;
};

// No config needs more; something larger is another file than was meant.
inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;

// The text of the file `path` (see UserPath). Not OK if it cannot be read, is
// larger than kMaxConfigBytes or is not text (UTF-8 without control
// characters).
absl::StatusOr<ConfigText> ReadConfigText(const std::string& path);

// The text of the file `path`, or `embedded` if `path` is empty: what a program
// does with --config.
absl::StatusOr<ConfigText> ConfigTextFor(const std::string& path,
                                         const ConfigText& embedded);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_CONFIG_TEXT_H_
