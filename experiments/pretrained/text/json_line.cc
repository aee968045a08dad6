#include "experiments/pretrained/text/json_line.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/name_list.h"
#include "experiments/pretrained/text/utf8.h"
#include "experiments/run/json_depth.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace polarize {
namespace {

using ::google::protobuf::Struct;
using ::google::protobuf::Value;

// Every whole number up to here is a double.
constexpr double kMaxWhole = 9007199254740992.0;

template <typename... Parts>
absl::Status Error(const Parts&... rule) {
  return absl::InvalidArgumentError(absl::StrCat(rule...));
}

// Null if there is none, or of another kind.
const Value* Find(const Struct& object, const char* name,
                  Value::KindCase kind) {
  const auto found = object.fields().find(name);
  if (found == object.fields().end()) return nullptr;
  return found->second.kind_case() == kind ? &found->second : nullptr;
}

std::string NamesIn(const Struct& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.fields()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return NameList(names);
}

absl::StatusOr<std::string> TextOf(const Struct& object) {
  const auto found = object.fields().find("text");
  if (found == object.fields().end()) {
    return Error("no field \"text\" (there are: ", NamesIn(object), ")");
  }
  if (found->second.kind_case() != Value::kStringValue) {
    return Error("field \"text\" must be a text in quotation marks");
  }
  return found->second.string_value();
}

bool TakeWhole(const Value* value, uint64_t* whole) {
  if (value == nullptr) return false;
  const double number = value->number_value();
  if (!(number >= 0 && number <= kMaxWhole)) return false;
  *whole = static_cast<uint64_t>(number);
  return static_cast<double>(*whole) == number;
}

absl::Status AddRow(const Value& value, JsonDocuments* documents) {
  const Struct& row = value.struct_value();
  const Value* cells = Find(row, "row", Value::kStructValue);
  uint64_t index = 0;
  if (cells == nullptr ||
      !TakeWhole(Find(row, "row_idx", Value::kNumberValue), &index)) {
    return Error("a row without \"row_idx\" and \"row\"");
  }
  if (documents->texts.empty()) documents->first_row = index;
  if (index != documents->first_row + documents->texts.size()) {
    return Error("row ", index, " follows row ",
                 documents->first_row + documents->texts.size() - 1);
  }
  const Value* cut = Find(row, "truncated_cells", Value::kListValue);
  if (cut != nullptr && cut->list_value().values_size() > 0) {
    return Error("row ", index, " is not whole (\"truncated_cells\")");
  }
  absl::StatusOr<std::string> text = TextOf(cells->struct_value());
  if (!text.ok()) {
    return Error("row ", index, ": ", text.status().message());
  }
  documents->texts.push_back(*std::move(text));
  return absl::OkStatus();
}

absl::StatusOr<JsonDocuments> ParsePage(const Struct& page, const Value& rows) {
  JsonDocuments documents;
  documents.is_page = true;
  if (page.fields().count("num_rows_total") > 0 &&
      !TakeWhole(Find(page, "num_rows_total", Value::kNumberValue),
                 &documents.rows_in_all)) {
    return Error("\"num_rows_total\" must be a whole number");
  }
  for (const Value& row : rows.list_value().values()) {
    const absl::Status status = AddRow(row, &documents);
    if (!status.ok()) return status;
  }
  return documents;
}

}  // namespace

absl::StatusOr<JsonDocuments> ParseJsonLine(absl::string_view line) {
  if (!IsUtf8(line)) return Error("bytes that are not UTF-8");
  if (IsJsonDeeperThan(line, kMostJsonDepth)) {
    return Error("brackets deeper than ", kMostJsonDepth);
  }
  Struct object;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(line.data(), line.size()), &object);
  if (!status.ok()) {
    // The parser's message goes on with a copy of the line.
    const std::string message(status.message());
    return Error("not a JSON object: ", message.substr(0, message.find('\n')));
  }
  const Value* rows = Find(object, "rows", Value::kListValue);
  if (rows != nullptr && object.fields().count("text") == 0) {
    return ParsePage(object, *rows);
  }
  absl::StatusOr<std::string> text = TextOf(object);
  if (!text.ok()) return text.status();
  JsonDocuments documents;
  documents.texts.push_back(*std::move(text));
  return documents;
}

}  // namespace polarize
