// Reading one flat JSON object, as summary.json is one.
#ifndef POLARIZE_EXPERIMENTS_RUN_JSON_FILE_H_
#define POLARIZE_EXPERIMENTS_RUN_JSON_FILE_H_

#include <map>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

// null, true or false, a number, a text.
using JsonScalar = std::variant<std::monostate, bool, double, std::string>;
using FlatJson = std::map<std::string, JsonScalar, std::less<>>;

// The object in `text`. Numbers are the doubles that their text is nearest to,
// so what JsonLine wrote comes back to the last bit. Anything but an object, an
// object or a list inside of it and a text cut short are errors that name
// `file`.
absl::StatusOr<FlatJson> ParseFlatJson(absl::string_view text,
                                       const std::string& file);

// The object in the file `path`.
absl::StatusOr<FlatJson> ReadFlatJson(const std::string& path);

// The number, or the text, called `name`; null if there is none, null being
// none.
const double* NumberIn(const FlatJson& object, absl::string_view name);
const std::string* TextIn(const FlatJson& object, absl::string_view name);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_JSON_FILE_H_
