#include "experiments/pretrained/checkpoint/index.h"

#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/run/json_depth.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace polarize {
namespace {

using ::google::protobuf::ListValue;
using ::google::protobuf::Struct;
using ::google::protobuf::Value;

constexpr absl::string_view kModel = "model/";
// Every whole number up to here is a double.
constexpr double kMostWhole = 9007199254740992.0;

std::string Shown(absl::string_view text) {
  return absl::CHexEscape(text.substr(0, 120));
}

absl::Status Error(absl::string_view entry, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat(Shown(entry), ": ", rule));
}

// Python's text of a tuple of whole numbers: "()", "(4,)", "(32, 128)".
absl::StatusOr<std::vector<uint64_t>> ParseTuple(absl::string_view text) {
  std::vector<uint64_t> numbers;
  absl::string_view inner = text;
  if (!absl::ConsumePrefix(&inner, "(") || !absl::ConsumeSuffix(&inner, ")")) {
    return absl::InvalidArgumentError("no tuple");
  }
  if (inner.empty()) return numbers;
  const bool one = absl::ConsumeSuffix(&inner, ",");
  for (const absl::string_view part : absl::StrSplit(inner, ',')) {
    uint64_t number;
    const absl::string_view digits = absl::StripAsciiWhitespace(part);
    if (digits.empty() || !absl::ascii_isdigit(digits[0]) ||
        !absl::SimpleAtoi(digits, &number)) {
      return absl::InvalidArgumentError("no whole number");
    }
    numbers.push_back(number);
  }
  // A comma at the end is what tells a tuple of one from a number.
  if (one != (numbers.size() == 1)) {
    return absl::InvalidArgumentError("no tuple");
  }
  return numbers;
}

// The text in `field`, or null.
const std::string* TextIn(const Struct& object, const std::string& field) {
  const auto found = object.fields().find(field);
  if (found == object.fields().end() ||
      found->second.kind_case() != Value::kStringValue) {
    return nullptr;
  }
  return &found->second.string_value();
}

absl::StatusOr<IndexEntry> ParseEntry(const Value& value) {
  const Struct& object = value.struct_value();  // empty if it is none
  const std::string* const dtype = TextIn(object, "dtype");
  const std::string* const shape = TextIn(object, "shape");
  if (dtype == nullptr || shape == nullptr) {
    return absl::InvalidArgumentError(
        "must be an object with the texts dtype and shape");
  }
  IndexEntry entry;
  const absl::StatusOr<ElementType> type = ParseNumpyType(*dtype);
  if (!type.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype: ", type.status().message()));
  }
  entry.type = *type;
  absl::StatusOr<std::vector<uint64_t>> numbers = ParseTuple(*shape);
  if (!numbers.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape: \"", Shown(*shape),
                     "\" must be like \"(32, 128)\" or \"(4,)\""));
  }
  entry.shape = *std::move(numbers);
  return entry;
}

absl::Status TakeStep(const Value& value, CheckpointIndex& index) {
  const double step = value.number_value();
  if (value.kind_case() != Value::kNumberValue || !(step >= 0) ||
      !(step <= kMostWhole) ||
      static_cast<double>(static_cast<uint64_t>(step)) != step) {
    return Error("step", "must be a whole number");
  }
  index.step = static_cast<uint64_t>(step);
  return absl::OkStatus();
}

absl::Status TakePair(const Value& pair, CheckpointIndex& index) {
  const ListValue& list = pair.list_value();  // empty if it is none
  if (list.values_size() != 2 ||
      list.values(0).kind_case() != Value::kStringValue) {
    return absl::InvalidArgumentError("must hold pairs, [name, value]");
  }
  const std::string& name = list.values(0).string_value();
  if (name == "step") return TakeStep(list.values(1), index);
  if (!absl::StartsWith(name, kModel)) return absl::OkStatus();
  absl::StatusOr<IndexEntry> entry = ParseEntry(list.values(1));
  if (!entry.ok()) return Error(name, entry.status().message());
  if (!index.arrays.emplace(name, *std::move(entry)).second) {
    return Error(name, "is there twice");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CheckpointIndex> ParseIndex(absl::string_view text) {
  if (IsJsonDeeperThan(text, kMostJsonDepth)) {
    return absl::InvalidArgumentError(
        absl::StrCat("brackets deeper than ", kMostJsonDepth));
  }
  ListValue list;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(text.data(), text.size()), &list);
  if (!parsed.ok()) return absl::InvalidArgumentError("not a JSON list");
  CheckpointIndex index;
  for (const Value& pair : list.values()) {
    if (absl::Status status = TakePair(pair, index); !status.ok()) {
      return status;
    }
  }
  return index;
}

absl::Status CheckAgainstIndex(const CheckpointIndex& index,
                               const std::string& name, const Zarray& zarray) {
  const auto found = index.arrays.find(name);
  if (found == index.arrays.end()) {
    return Error(name, "the checkpoint's index does not name it");
  }
  const IndexEntry& entry = found->second;
  if (entry.shape != zarray.shape) {
    return Error(name, absl::StrCat("shape ", ZarrShapeText(zarray.shape),
                                    ", but the checkpoint's index says ",
                                    ZarrShapeText(entry.shape)));
  }
  if (entry.type != zarray.type) {
    return Error(name, absl::StrCat("type ", ElementTypeName(zarray.type),
                                    ", but the checkpoint's index says ",
                                    ElementTypeName(entry.type)));
  }
  return absl::OkStatus();
}

}  // namespace polarize
