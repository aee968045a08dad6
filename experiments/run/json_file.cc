#include "experiments/run/json_file.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "experiments/run/json_depth.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace polarize {
namespace {

using ::google::protobuf::Value;

constexpr size_t kMaxBytes = size_t{16} << 20;

template <typename T>
const T* In(const FlatJson& object, absl::string_view name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : std::get_if<T>(&found->second);
}

// False if it holds others.
bool TakeScalar(const Value& value, JsonScalar* scalar) {
  switch (value.kind_case()) {
    case Value::kBoolValue:
      *scalar = value.bool_value();
      return true;
    case Value::kNumberValue:
      *scalar = value.number_value();
      return true;
    case Value::kStringValue:
      *scalar = value.string_value();
      return true;
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<FlatJson> ParseFlatJson(absl::string_view text,
                                       const std::string& file) {
  const auto error = [&file](const auto&... rule) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", rule...));
  };
  if (IsJsonDeeperThan(text, 1))
    return error("an object or a list inside of an object");
  google::protobuf::Struct parsed;
  const auto status =
      google::protobuf::util::JsonStringToMessage(std::string(text), &parsed);
  if (!status.ok()) {
    return error("not a JSON object: ", std::string(status.message()));
  }
  FlatJson object;
  for (const auto& [name, value] : parsed.fields()) {
    if (!TakeScalar(value, &object[name])) {
      return error("\"", name, "\" must be a number, a text, true, false or ",
                   "null");
    }
  }
  return object;
}

absl::StatusOr<FlatJson> ReadFlatJson(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxBytes);
  if (!text.ok()) return text.status();
  return ParseFlatJson(*text, path);
}

const double* NumberIn(const FlatJson& object, absl::string_view name) {
  return In<double>(object, name);
}

const std::string* TextIn(const FlatJson& object, absl::string_view name) {
  return In<std::string>(object, name);
}

}  // namespace polarize
