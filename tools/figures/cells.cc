#include "tools/figures/cells.h"

#include <cmath>

#include "absl/types/optional.h"

namespace polarize {

void Cells::Add(absl::string_view attention_type, bool passed, double value) {
  const absl::optional<KindAndNorm> place = KindOf(attention_type);
  if (!place.has_value()) return;
  Cell& cell = cells_[place->kind][place->norm];
  ++cell.runs;
  if (!passed) return;
  ++cell.passed;
  if (!std::isnan(value)) cell.values.push_back(value);
}

size_t Cells::runs() const {
  size_t sum = 0;
  for (const auto& kind : cells_) {
    for (const Cell& cell : kind) sum += cell.runs;
  }
  return sum;
}

size_t Cells::passed() const {
  size_t sum = 0;
  for (const auto& kind : cells_) {
    for (const Cell& cell : kind) sum += cell.passed;
  }
  return sum;
}

}  // namespace polarize
