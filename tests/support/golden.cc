#include "tests/support/golden.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/json_util.h"
#include "hwy/base.h"

namespace polarize {
namespace {

using google::protobuf::Value;

// Every whole number of so many digits is a double.
constexpr size_t kDigitsOfDouble = 15;

// Marks whole numbers kept as text; no recorded string starts so.
constexpr char kIntegerMark[] = "#int ";

bool IsLongInteger(absl::string_view number) {
  if (!number.empty() && number[0] == '-') number.remove_prefix(1);
  return number.size() > kDigitsOfDouble &&
         std::all_of(number.begin(), number.end(), absl::ascii_isdigit);
}

// The end of the string that starts at the quotation mark json[at].
size_t EndOfString(absl::string_view json, size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
  }
  return std::min(at + 1, json.size());
}

// protobuf keeps every number as a double: whole numbers that a double may not
// hold become strings before it sees them.
std::string QuoteLongIntegers(absl::string_view json) {
  std::string quoted;
  quoted.reserve(json.size());
  for (size_t at = 0; at < json.size();) {
    size_t end = at + 1;
    if (json[at] == '"') {
      end = EndOfString(json, at);
    } else if (json[at] == '-' || absl::ascii_isdigit(json[at])) {
      end =
          std::min(json.find_first_not_of("0123456789+-.eE", at), json.size());
    }
    const absl::string_view token = json.substr(at, end - at);
    if (IsLongInteger(token)) {
      absl::StrAppend(&quoted, "\"", kIntegerMark, token, "\"");
    } else {
      absl::StrAppend(&quoted, token);
    }
    at = end;
  }
  return quoted;
}

// Where the recorded files are: see Golden::Load. Bazel sets the other two.
std::string Folder() {
  const char* folder = std::getenv("POLARIZE_GOLDENS");
  if (folder != nullptr && *folder != '\0') return folder;
  const char* runfiles = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  if (runfiles == nullptr || workspace == nullptr) {
    HWY_ABORT(
        "no golden files: neither run by Bazel (TEST_SRCDIR, TEST_WORKSPACE) "
        "nor is POLARIZE_GOLDENS set to their folder");
  }
  return absl::StrCat(runfiles, "/", workspace, "/tests/goldens");
}

template <typename T>
std::vector<T> Each(const Golden& array, T (Golden::*get)() const) {
  std::vector<T> all;
  for (size_t i = 0; i < array.size(); ++i) {
    all.push_back((array[static_cast<int64_t>(i)].*get)());
  }
  return all;
}

}  // namespace

std::vector<std::string> Golden::Names(absl::string_view prefix) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(Folder(), error), end;
       !error && at != end; at.increment(error)) {
    const std::filesystem::path& path = at->path();
    if (path.extension() != ".json") continue;
    const std::string name = path.stem().string();
    if (absl::StartsWith(name, prefix)) names.push_back(name);
  }
  if (error) HWY_ABORT("%s: %s", Folder().c_str(), error.message().c_str());
  std::sort(names.begin(), names.end());
  return names;
}

Golden Golden::Load(absl::string_view name) {
  const std::string path = absl::StrCat(Folder(), "/", name, ".json");
  std::ifstream file(path, std::ios::binary);
  if (!file) HWY_ABORT("cannot read %s", path.c_str());
  const std::string json((std::istreambuf_iterator<char>(file)), {});
  absl::StatusOr<Golden> golden = Parse(json, absl::StrCat(name, ".json"));
  if (!golden.ok()) HWY_ABORT("%s", golden.status().ToString().c_str());
  return *std::move(golden);
}

absl::StatusOr<Golden> Golden::Parse(absl::string_view json,
                                     absl::string_view origin) {
  auto root = std::make_shared<Value>();
  const auto status = google::protobuf::util::JsonStringToMessage(
      QuoteLongIntegers(json), root.get());
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(origin, ": ", status.ToString()));
  }
  const Value* const value = root.get();
  return Golden(std::move(root), value, std::string(origin));
}

bool Golden::Has(absl::string_view key) const {
  return Object().fields().contains(std::string(key));
}

Golden Golden::operator[](absl::string_view key) const {
  const auto& fields = Object().fields();
  const auto member = fields.find(std::string(key));
  if (member == fields.end()) Fail(absl::StrCat("to have a member ", key));
  return Golden(root_, &member->second, absl::StrCat(path_, ".", key));
}

std::vector<std::string> Golden::Keys() const {
  std::vector<std::string> keys;
  for (const auto& member : Object().fields()) keys.push_back(member.first);
  std::sort(keys.begin(), keys.end());
  return keys;
}

size_t Golden::size() const { return Array().values_size(); }

Golden Golden::operator[](int64_t index) const {
  if (index < 0 || index >= Array().values_size()) {
    Fail(absl::StrCat("to have an element ", index));
  }
  return Golden(root_, &Array().values(static_cast<int>(index)),
                absl::StrCat(path_, "[", index, "]"));
}

bool Golden::Bool() const {
  if (value_->kind_case() != Value::kBoolValue) Fail("to be true or false");
  return value_->bool_value();
}

std::string Golden::String() const {
  if (value_->kind_case() != Value::kStringValue ||
      absl::StartsWith(value_->string_value(), kIntegerMark)) {
    Fail("to be a string");
  }
  return value_->string_value();
}

double Golden::Number() const {
  if (value_->kind_case() == Value::kNumberValue) {
    return value_->number_value();
  }
  absl::string_view text = value_->string_value();
  double number;
  if (!absl::ConsumePrefix(&text, kIntegerMark) ||
      !absl::SimpleAtod(text, &number)) {
    Fail("to be a number");
  }
  return number;
}

int64_t Golden::Int() const {
  if (value_->kind_case() == Value::kNumberValue) {
    // Larger ones come as text, unless written with a fraction or exponent.
    const double number = value_->number_value();
    if (number != std::trunc(number) || std::abs(number) > 9007199254740992.0) {
      Fail("to be a whole number");
    }
    return static_cast<int64_t>(number);
  }
  absl::string_view text = value_->string_value();
  int64_t number;
  if (!absl::ConsumePrefix(&text, kIntegerMark) ||
      !absl::SimpleAtoi(text, &number)) {
    Fail("to be a whole number within 64 bits");
  }
  return number;
}

std::vector<std::string> Golden::Strings() const {
  return Each(*this, &Golden::String);
}

std::vector<double> Golden::Numbers() const {
  return Each(*this, &Golden::Number);
}

std::vector<int64_t> Golden::Ints() const { return Each(*this, &Golden::Int); }

const google::protobuf::Struct& Golden::Object() const {
  if (value_->kind_case() != Value::kStructValue) Fail("to be an object");
  return value_->struct_value();
}

const google::protobuf::ListValue& Golden::Array() const {
  if (value_->kind_case() != Value::kListValue) Fail("to be an array");
  return value_->list_value();
}

void Golden::Fail(absl::string_view wanted) const {
  HWY_ABORT("expected %s %s", path_.c_str(), std::string(wanted).c_str());
}

}  // namespace polarize
