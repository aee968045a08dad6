#include "experiments/run/json_depth.h"

#include <cstddef>

namespace polarize {

bool IsJsonDeeperThan(absl::string_view text, int most) {
  int depth = 0;
  char quote = 0;  // of the text that it is in; the reader takes both kinds
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if ((c == '{' || c == '[') && ++depth > most) return true;
    if (c == '}' || c == ']') --depth;
  }
  return false;
}

}  // namespace polarize
