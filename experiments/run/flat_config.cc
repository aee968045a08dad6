#include "experiments/run/flat_config.h"

#include <map>
#include <utility>

#include "experiments/run/field_path.h"

namespace polarize {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Reflection;

std::string LastName(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

std::variant<bool, int64_t, double, std::string> ValueOf(const FieldIn& at) {
  const google::protobuf::Message& message = *at.message;
  const Reflection& r = *message.GetReflection();
  switch (at.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.GetBool(message, at.field);
    case FieldDescriptor::CPPTYPE_INT32:
      return int64_t{r.GetInt32(message, at.field)};
    case FieldDescriptor::CPPTYPE_INT64:
      return int64_t{r.GetInt64(message, at.field)};
    case FieldDescriptor::CPPTYPE_UINT32:
      return int64_t{r.GetUInt32(message, at.field)};
    case FieldDescriptor::CPPTYPE_FLOAT:
      return double{r.GetFloat(message, at.field)};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r.GetDouble(message, at.field);
    case FieldDescriptor::CPPTYPE_STRING:
      return r.GetString(message, at.field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return std::string(r.GetEnum(message, at.field)->name());
    case FieldDescriptor::CPPTYPE_UINT64:
      // As text, since int64 may not hold it.
      return std::to_string(r.GetUInt64(message, at.field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;  // no value's path
  }
  return std::string();
}

}  // namespace

std::vector<FlatValue> FlatConfig(const google::protobuf::Message& config) {
  const std::vector<std::string> paths = ValuePaths(*config.GetDescriptor());
  std::map<std::string, int> uses;
  for (const std::string& path : paths) ++uses[LastName(path)];
  std::vector<FlatValue> values;
  for (const std::string& path : paths) {
    const FieldIn at = FieldAt(config, path);
    if (at.field->is_repeated()) continue;
    const std::string name = LastName(path);
    values.push_back({uses[name] == 1 ? name : path, path, ValueOf(at)});
  }
  return values;
}

}  // namespace polarize
