#include "experiments/run/config_checker.h"

#include <algorithm>
#include <cmath>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/run/field_path.h"
#include "experiments/run/nearest_name.h"

namespace polarize {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

double NumberAt(const Message& config, const std::string& path) {
  const auto [message, field] = FieldAt(config, path);
  CHECK(!field->is_repeated()) << path << " is repeated";
  const Reflection* r = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r->GetInt32(*message, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(r->GetInt64(*message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return r->GetUInt32(*message, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(r->GetUInt64(*message, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r->GetDouble(*message, field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return r->GetFloat(*message, field);
    default:
      LOG(FATAL) << path << " is not a number";
  }
}

// Without an exponent where people would not write one.
std::string Shown(double number) {
  if (number == std::floor(number) && std::abs(number) < 1e15) {
    return absl::StrFormat("%.0f", number);
  }
  return absl::StrFormat("%g", number);
}

}  // namespace

void ConfigChecker::CheckNumber(const std::string& path,
                                bool (*holds)(double, double, double), double a,
                                double b, const std::string& rule) {
  const double number = NumberAt(config_, path);
  if (!std::isfinite(number)) {
    Fail(path, "must be finite");
  } else if (!holds(number, a, b)) {
    Fail(path, rule);
  }
}

void ConfigChecker::AtLeast(const std::string& path, double least) {
  CheckNumber(
      path, [](double x, double lo, double) { return x >= lo; }, least, 0,
      absl::StrCat("must be at least ", Shown(least)));
}

void ConfigChecker::Above(const std::string& path, double bound) {
  CheckNumber(
      path, [](double x, double lo, double) { return x > lo; }, bound, 0,
      absl::StrCat("must be above ", Shown(bound)));
}

void ConfigChecker::InRange(const std::string& path, double least,
                            double most) {
  CheckNumber(
      path, [](double x, double lo, double hi) { return x >= lo && x <= hi; },
      least, most,
      absl::StrCat("must be from ", Shown(least), " to ", Shown(most)));
}

void ConfigChecker::InRangeBelow(const std::string& path, double least,
                                 double end) {
  CheckNumber(
      path, [](double x, double lo, double hi) { return x >= lo && x < hi; },
      least, end,
      absl::StrCat("must be at least ", Shown(least), " and below ",
                   Shown(end)));
}

void ConfigChecker::OneOf(const std::string& path,
                          absl::Span<const std::string_view> names) {
  const auto [message, field] = FieldAt(config_, path);
  const std::string name = message->GetReflection()->GetString(*message, field);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  std::string rule =
      absl::StrCat("must be one of ", absl::StrJoin(names, ", "));
  const std::string_view nearest = NearestName(name, names);
  if (!nearest.empty()) {
    absl::StrAppend(&rule, "; did you mean \"", nearest, "\"?");
  }
  Fail(path, rule);
}

void ConfigChecker::Fail(const std::string& path, std::string_view rule) {
  if (!failed_.insert(path).second) return;
  errors_.push_back(absl::StrCat(places_.Of(path), ": ", path, " = ",
                                 ValueText(config_, path), ": ", rule));
}

absl::Status ConfigChecker::status() const {
  if (errors_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
}

void CheckName(const std::string& name, ConfigChecker* checker) {
  bool good = !name.empty() && name[0] != '.' && name.size() <= 100;
  for (const char c : name) {
    good = good && (absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.');
  }
  if (!good) {
    checker->Fail(
        "name",
        "must be 1 to 100 letters, digits, \"_\", \"-\" and \".\", and "
        "not begin with \".\": it names a folder");
  }
}

}  // namespace polarize
