#include "experiments/sweep/cell_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

// Python writes doubles without an exponent from 1e-4 up to below 1e16.
constexpr double kLeastFixed = 1e-4;
constexpr double kMostFixed = 1e16;

struct Speller {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(int64_t value) const { return absl::StrCat(value); }
  std::string operator()(double value) const { return FloatText(value); }
  std::string operator()(const std::string& value) const { return value; }
};

}  // namespace

std::string FloatText(double value) {
  if (std::isnan(value)) return "";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= kLeastFixed && size < kMostFixed);
  std::array<char, 40> chars;
  const std::to_chars_result end = std::to_chars(
      chars.data(), chars.data() + chars.size(), value,
      fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(chars.data(), end.ptr);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string CellText(const FlatValue& value) {
  return std::visit(Speller(), value.value);
}

std::string CellText(const JsonScalar& value) {
  return std::visit(Speller(), value);
}

}  // namespace polarize
