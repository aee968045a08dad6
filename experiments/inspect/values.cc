#include "experiments/inspect/values.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace polarize {
namespace {

template <typename T>
auto BitsOf(T value) {
  std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// Numbers in the order of the floats: the bits of those below 0 run backwards.
template <typename T>
uint64_t PlaceOf(T value) {
  const auto bits = BitsOf(value);
  const auto sign = static_cast<decltype(bits)>(1) << (8 * sizeof(T) - 1);
  const uint64_t middle = uint64_t{1} << 63;
  return (bits & sign) ? middle - (bits - sign) : middle + bits;
}

template <typename T>
uint64_t Ulps(T a, T b) {
  if (BitsOf(a) == BitsOf(b)) return 0;
  if (std::isnan(a) || std::isnan(b)) {
    return std::numeric_limits<uint64_t>::max();
  }
  const uint64_t at_a = PlaceOf(a), at_b = PlaceOf(b);
  return at_a > at_b ? at_a - at_b : at_b - at_a;
}

template <typename T>
std::string Exact(T value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end.ptr);
}

template <typename T>
std::string Pair(T a, T b) {
  const std::string text = absl::StrCat(Exact(a), " and ", Exact(b));
  if (std::isnan(a) || std::isnan(b)) return text;
  const uint64_t ulps = Ulps(a, b);
  return absl::StrCat(text, ", ", ulps, ulps == 1 ? " ulp" : " ulps", " apart");
}

}  // namespace

bool SameBits(float a, float b) { return BitsOf(a) == BitsOf(b); }
bool SameBits(double a, double b) { return BitsOf(a) == BitsOf(b); }

uint64_t UlpsBetween(float a, float b) { return Ulps(a, b); }
uint64_t UlpsBetween(double a, double b) { return Ulps(a, b); }

std::string ExactText(float value) { return Exact(value); }
std::string ExactText(double value) { return Exact(value); }

std::string PairText(float a, float b) { return Pair(a, b); }
std::string PairText(double a, double b) { return Pair(a, b); }

std::string ElementText(absl::Span<const int64_t> shape, size_t index) {
  std::vector<size_t> place(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    const auto size = static_cast<size_t>(shape[i]);
    place[i] = index % size;
    index /= size;
  }
  return absl::StrCat("[", absl::StrJoin(place, ", "), "]");
}

}  // namespace polarize
