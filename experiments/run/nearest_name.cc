#include "experiments/run/nearest_name.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"

namespace polarize {
namespace {

// No name is longer; what the user typed may be a megabyte.
constexpr size_t kLongest = 64;

// Optimal string alignment: row i holds the distances of the first i characters
// of `a` to every beginning of `b`.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1),
      row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1,
                         above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

size_t NameDistance(std::string_view typed, std::string_view name) {
  if (typed.size() > kLongest) return typed.size();
  const std::string a = absl::AsciiStrToLower(typed);
  const std::string b = absl::AsciiStrToLower(name);
  if (a == b) return 0;
  if (a.size() >= 3 && b.find(a) != std::string::npos) return 1;
  return EditDistance(a, b);
}

bool IsNear(std::string_view typed, size_t distance) {
  return distance <= std::max<size_t>(1, typed.size() / 3) &&
         distance < std::max<size_t>(2, typed.size());
}

std::string_view NearestName(std::string_view typed,
                             absl::Span<const std::string_view> names) {
  std::string_view nearest;
  size_t least = 0;
  for (std::string_view name : names) {
    const size_t distance = NameDistance(typed, name);
    if (!IsNear(typed, distance)) continue;
    if (nearest.empty() || distance < least) {
      nearest = name;
      least = distance;
    }
  }
  return nearest;
}

}  // namespace polarize
