#include "experiments/run/field_path.h"

#include "absl/log/check.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "experiments/run/nearest_name.h"
#include "google/protobuf/text_format.h"

namespace polarize {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::TextFormat;

// A schema may contain itself; no config nests deeper than this.
constexpr int kDeepest = 8;

bool IsBlock(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

std::string_view LastName(std::string_view path) {
  return path.substr(path.rfind('.') + 1);
}

std::string_view BlockOf(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? "" : path.substr(0, dot);
}

// Appends the paths below `prefix`: of values, and of blocks too if asked for.
void AppendPaths(const Descriptor& type, const std::string& prefix, int depth,
                 bool blocks, std::vector<std::string>* paths) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string path = absl::StrCat(prefix, field.name());
    if (!IsBlock(field)) {
      paths->push_back(path);
      continue;
    }
    if (blocks) paths->push_back(path);
    if (field.is_repeated() || depth == kDeepest) continue;
    AppendPaths(*field.message_type(), absl::StrCat(path, "."), depth + 1,
                blocks, paths);
  }
}

// The path whose last name is nearest to that of `typed`, one in the same block
// before others; empty if none is near.
std::string NearestPath(const Descriptor& type, std::string_view typed) {
  std::vector<std::string> paths;
  AppendPaths(type, "", 0, true, &paths);
  std::string nearest;
  size_t least = 0;
  for (const std::string& path : paths) {
    const size_t distance = NameDistance(LastName(typed), LastName(path));
    if (!IsNear(LastName(typed), distance)) continue;
    const size_t rank = 2 * distance + (BlockOf(path) != BlockOf(typed));
    if (nearest.empty() || rank < least) {
      nearest = path;
      least = rank;
    }
  }
  return nearest;
}

// The names of the fields in the block that `path` is in.
std::string NeighboursOf(const Descriptor& type, std::string_view path) {
  const Descriptor* block = &type;
  if (const FieldDescriptor* field = FindField(type, BlockOf(path))) {
    if (IsBlock(*field)) block = field->message_type();
  }
  std::vector<std::string_view> names;
  for (int i = 0; i < block->field_count(); ++i) {
    names.push_back(block->field(i)->name());
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace

std::vector<std::string> ValuePaths(const Descriptor& type) {
  std::vector<std::string> paths;
  AppendPaths(type, "", 0, false, &paths);
  return paths;
}

const FieldDescriptor* FindField(const Descriptor& type,
                                 std::string_view path) {
  const Descriptor* block = &type;
  const FieldDescriptor* field = nullptr;
  for (std::string_view name : absl::StrSplit(path, '.')) {
    if (block == nullptr) return nullptr;
    field = block->FindFieldByName(std::string(name));
    if (field == nullptr) return nullptr;
    block = IsBlock(*field) && !field->is_repeated() ? field->message_type()
                                                     : nullptr;
  }
  return field;
}

absl::StatusOr<std::string> WholePath(const Descriptor& type,
                                      std::string_view typed) {
  if (FindField(type, typed) != nullptr) return std::string(typed);
  for (std::string_view block = BlockOf(typed); !block.empty();
       block = BlockOf(block)) {
    const FieldDescriptor* const field = FindField(type, block);
    if (field == nullptr || !IsBlock(*field) || !field->is_repeated()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        block, " is a list; change it in a copy of the config (--config)"));
  }
  std::vector<std::string> paths;
  AppendPaths(type, "", 0, true, &paths);
  std::vector<std::string> matches;
  for (const std::string& path : paths) {
    if (absl::EndsWith(path, absl::StrCat(".", typed))) matches.push_back(path);
  }
  if (matches.size() == 1) return matches[0];
  if (matches.empty()) {
    return absl::InvalidArgumentError(NoSuchField(type, typed));
  }
  return absl::InvalidArgumentError(absl::StrCat(typed, ": could be ",
                                                 absl::StrJoin(matches, " or "),
                                                 "; write the whole path"));
}

std::string NoSuchField(const Descriptor& type, std::string_view path) {
  const std::string nearest = NearestPath(type, path);
  if (!nearest.empty()) {
    return absl::StrCat(Shortened(path), ": no such field; did you mean ",
                        nearest, "?");
  }
  return absl::StrCat(Shortened(path), ": no such field; there are ",
                      NeighboursOf(type, path));
}

std::string Shortened(std::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return std::string(text);
  return absl::StrCat(text.substr(0, kShown), "...");
}

std::string KindOfValue(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return "a whole number from -2^31 to 2^31 - 1";
    case FieldDescriptor::CPPTYPE_INT64:
      return "a whole number from -2^63 to 2^63 - 1";
    case FieldDescriptor::CPPTYPE_UINT32:
      return "a whole number from 0 to 2^32 - 1";
    case FieldDescriptor::CPPTYPE_UINT64:
      return "a whole number from 0 to 2^64 - 1";
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "a number";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text in quotes";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "a block of fields in { }";
    case FieldDescriptor::CPPTYPE_ENUM:
      break;
  }
  std::vector<std::string_view> names;
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    names.push_back(field.enum_type()->value(i)->name());
  }
  return absl::StrCat("one of ", absl::StrJoin(names, ", "));
}

std::string ValueText(const Message& config, std::string_view path) {
  const FieldIn at = FieldAt(config, path);
  TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  if (!at.field->is_repeated()) {
    printer.PrintFieldValueToString(*at.message, at.field, -1, &text);
    return text;
  }
  std::vector<std::string> values;
  const int size =
      at.message->GetReflection()->FieldSize(*at.message, at.field);
  for (int i = 0; i < size; ++i) {
    printer.PrintFieldValueToString(*at.message, at.field, i, &text);
    values.push_back(text);
  }
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

FieldIn FieldAt(const Message& config, std::string_view path) {
  FieldIn at = {&config, nullptr};
  for (std::string_view name : absl::StrSplit(path, '.')) {
    if (at.field != nullptr) {
      at.message =
          &at.message->GetReflection()->GetMessage(*at.message, at.field);
    }
    at.field = at.message->GetDescriptor()->FindFieldByName(std::string(name));
    CHECK(at.field != nullptr) << config.GetTypeName() << " has no " << path;
  }
  return at;
}

Message* MutableMessageOf(Message* config, std::string_view path) {
  const FieldDescriptor* field = nullptr;
  for (std::string_view name : absl::StrSplit(path, '.')) {
    if (field != nullptr) {
      config = config->GetReflection()->MutableMessage(config, field);
    }
    field = config->GetDescriptor()->FindFieldByName(std::string(name));
    CHECK(field != nullptr) << config->GetTypeName() << " has no " << path;
  }
  return config;
}

}  // namespace polarize
