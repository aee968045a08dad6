#include "experiments/run/config.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/run/field_path.h"
#include "experiments/run/parse_error.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace polarize {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using ::google::protobuf::TextFormat;

constexpr char kSchemaComment[] = "# proto-message: ";

// Blocks within blocks; no schema comes near it.
constexpr int kDeepestBlock = 32;

class FirstError : public ::google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (!found_) error_ = {line, column, message};
    found_ = true;
  }
  bool found() const { return found_; }
  const ParserError& error() const { return error_; }

 private:
  bool found_ = false;
  ParserError error_;
};

// Records where the fields of `message` and of the blocks in it were set.
void RecordPlaces(const Message& message, const TextFormat::ParseInfoTree& tree,
                  const std::string& prefix, FieldPlaces* places) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = absl::StrCat(prefix, field->name());
    const int index = field->is_repeated() ? 0 : -1;
    const TextFormat::ParseLocation at = tree.GetLocation(field, index);
    if (at.line >= 0) places->SetInFile(path, at.line + 1, at.column + 1);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
        field->is_repeated()) {
      continue;
    }
    RecordPlaces(message.GetReflection()->GetMessage(message, field),
                 *tree.GetTreeForNested(field, index), absl::StrCat(path, "."),
                 places);
  }
}

absl::Status ParseText(const ConfigText& text, Message* config,
                       FieldPlaces* places) {
  TextFormat::Parser parser;
  FirstError errors;
  TextFormat::ParseInfoTree tree;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&tree);
  parser.SetRecursionLimit(kDeepestBlock);
  if (!parser.ParseFromString(text.text, config)) {
    return absl::InvalidArgumentError(
        ExplainParserError(text, *config->GetDescriptor(), errors.error()));
  }
  RecordPlaces(*config, tree, "", places);
  return absl::OkStatus();
}

// Gives `field` of `message` one value, or one more if it is repeated.
bool SetValue(std::string_view value, const FieldDescriptor* field,
              Message* message) {
  const bool quoted =
      !value.empty() && (value.front() == '"' || value.front() == '\'');
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !quoted) {
    const Reflection* reflection = message->GetReflection();
    if (field->is_repeated()) {
      reflection->AddString(message, field, std::string(value));
    } else {
      reflection->SetString(message, field, std::string(value));
    }
    return true;
  }
  FirstError errors;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  // Unfinished quotes are an error that the parser goes on after.
  return parser.ParseFieldValueFromString(std::string(value), field, message) &&
         !errors.found();
}

// The same for all values of the field: "1,2" or "[1, 2]" if it is repeated.
bool SetValues(std::string_view values, const FieldDescriptor* field,
               Message* message) {
  if (!field->is_repeated()) return SetValue(values, field, message);
  message->GetReflection()->ClearField(message, field);
  if (absl::ConsumePrefix(&values, "[") && !absl::ConsumeSuffix(&values, "]")) {
    return false;
  }
  if (absl::StripAsciiWhitespace(values).empty()) return true;
  for (std::string_view value : absl::StrSplit(values, ',')) {
    if (!SetValue(absl::StripAsciiWhitespace(value), field, message)) {
      return false;
    }
  }
  return true;
}

absl::Status ApplySetting(const std::string& setting, Message* config,
                          std::map<std::string, std::string>* set_by,
                          FieldPlaces* places) {
  const auto error = [&setting](const auto&... what) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", setting, ": ", what...));
  };
  const size_t equals = setting.find('=');
  if (equals == std::string::npos) return error("must be PATH=VALUE");
  const std::string_view view = setting;
  const std::string_view value =
      absl::StripAsciiWhitespace(view.substr(equals + 1));
  const absl::StatusOr<std::string> path =
      WholePath(*config->GetDescriptor(),
                absl::StripAsciiWhitespace(view.substr(0, equals)));
  if (!path.ok()) return error(path.status().message());

  const FieldDescriptor* field = FindField(*config->GetDescriptor(), *path);
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (field->is_repeated()) {
      return error(*path,
                   " is a list; change it in a copy of the config (--config)");
    }
    return error(*path, ": a block of fields; set one of them, like ", *path,
                 ".", field->message_type()->field(0)->name());
  }
  const auto [before, is_first] = set_by->emplace(*path, setting);
  if (!is_first) {
    return error(*path, ": set before, by --set ", before->second);
  }
  if (!SetValues(value, field, MutableMessageOf(config, *path))) {
    return error(*path, " = ", value, ": must be ", KindOfValue(*field));
  }
  places->SetByFlag(*path, setting);
  return absl::OkStatus();
}

// Gives `field` the value that it has when it is not set.
void WriteDefault(const FieldDescriptor* field, Message* message) {
  const Reflection* r = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r->SetInt32(message, field, r->GetInt32(*message, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return r->SetInt64(message, field, r->GetInt64(*message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return r->SetUInt32(message, field, r->GetUInt32(*message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return r->SetUInt64(message, field, r->GetUInt64(*message, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r->SetDouble(message, field, r->GetDouble(*message, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return r->SetFloat(message, field, r->GetFloat(*message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return r->SetBool(message, field, r->GetBool(*message, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return r->SetEnum(message, field, r->GetEnum(*message, field));
    case FieldDescriptor::CPPTYPE_STRING:
      return r->SetString(message, field, r->GetString(*message, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;  // its fields have the defaults
  }
}

void WriteDefaults(Message* config) {
  for (const std::string& path : ValuePaths(*config->GetDescriptor())) {
    Message* message = MutableMessageOf(config, path);
    const FieldDescriptor* field = FieldAt(*config, path).field;
    if (!field->is_repeated() &&
        !message->GetReflection()->HasField(*message, field)) {
      WriteDefault(field, message);
    }
  }
}

}  // namespace

void FieldPlaces::SetInFile(const std::string& path, int line, int column) {
  places_[path] = absl::StrCat(file_, ":", line, ":", column);
}

void FieldPlaces::SetByFlag(const std::string& path, std::string_view setting) {
  places_[path] = absl::StrCat("--set ", setting);
}

absl::Status FieldPlaces::TakeSettings(const FieldPlaces& others,
                                       const std::string& place) {
  for (const auto& [path, where] : others.places_) {
    if (!absl::StartsWith(where, "--set ")) continue;
    const std::string before = Of(path);
    if (absl::StartsWith(before, "--set ")) {
      return absl::InvalidArgumentError(absl::StrCat(
          before, ": ", path, ": also set at ", place, ": change it there"));
    }
    places_[path] = place;
  }
  return absl::OkStatus();
}

std::string FieldPlaces::Of(const std::string& path) const {
  const auto found = places_.find(path);
  if (found != places_.end()) return found->second;
  return absl::StrCat(file_, ":(default)");
}

absl::StatusOr<FieldPlaces> LoadConfig(const ConfigText& text,
                                       absl::Span<const std::string> settings,
                                       Message* config) {
  const std::unique_ptr<const Message> none(config->New());
  return LoadConfig(text, settings, *none, config);
}

absl::StatusOr<FieldPlaces> LoadConfig(const ConfigText& text,
                                       absl::Span<const std::string> settings,
                                       const Message& defaults,
                                       Message* config) {
  FieldPlaces places(text.file);
  absl::Status status = ParseText(text, config, &places);
  if (!status.ok()) return status;
  std::map<std::string, std::string> set_by;
  for (const std::string& setting : settings) {
    status = ApplySetting(setting, config, &set_by, &places);
    if (!status.ok()) return status;
  }
  const std::unique_ptr<Message> complete(defaults.New());
  complete->CopyFrom(defaults);
  complete->MergeFrom(*config);
  WriteDefaults(complete.get());
  config->CopyFrom(*complete);
  return places;
}

std::string ResolvedText(const Message& config) {
  std::string text;
  TextFormat::PrintToString(config, &text);
  return absl::StrCat("# proto-file: ", config.GetDescriptor()->file()->name(),
                      "\n", kSchemaComment, config.GetTypeName(), "\n\n", text);
}

std::string SchemaNamedIn(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, "#")) break;
    if (absl::ConsumePrefix(&line, kSchemaComment)) {
      return std::string(absl::StripAsciiWhitespace(line));
    }
  }
  return "";
}

}  // namespace polarize
