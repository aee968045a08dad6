#include "tools/figures/cells.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace polarize {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kTail = 0.025;  // of an interval of 95 %

struct Base {
  absl::string_view name;
  size_t kind;
};
// The reference's names, without the end that tells the normaliser.
constexpr Base kBases[] = {{"sigmoid", 1},
                           {"coupled_linear", 2},
                           {"linear", 3},
                           {"mlp", 4},
                           {"raw_dotproduct", 5}};

double SortedMean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Between neighbours as far as `part` is between them.
double Quantile(const std::vector<double>& sorted, double part) {
  const double at = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] +
         (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

absl::optional<KindAndNorm> KindOf(absl::string_view attention_type) {
  if (attention_type == "softmax") return KindAndNorm{kSoftmax, 0};
  if (attention_type == "linear") return KindAndNorm{3, 0};
  const size_t norm = absl::EndsWith(attention_type, "_unnorm") ? 1 : 0;
  if (!absl::ConsumeSuffix(&attention_type, norm == 1 ? "_unnorm" : "_norm")) {
    return absl::nullopt;
  }
  for (const Base& base : kBases) {
    if (base.name == attention_type) return KindAndNorm{base.kind, norm};
  }
  return absl::nullopt;
}

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

double Mean(std::vector<double> values) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  return SortedMean(values);
}

std::pair<double, double> BootstrapInterval(std::vector<double> values,
                                            size_t resamples, uint64_t seed) {
  if (values.size() < 2 || resamples == 0) return {kNone, kNone};
  std::sort(values.begin(), values.end());
  // Its numbers are in the standard; those of its distributions are not.
  std::mt19937_64 random(seed);
  const uint64_t n = values.size();
  std::vector<double> means;
  means.reserve(resamples);
  for (size_t i = 0; i < resamples; ++i) {
    double sum = 0;
    // The upper 32 bits, times n, over 2^32.
    for (uint64_t k = 0; k < n; ++k)
      sum += values[((random() >> 32) * n) >> 32];
    means.push_back(sum / static_cast<double>(n));
  }
  std::sort(means.begin(), means.end());
  return {Quantile(means, kTail), Quantile(means, 1 - kTail)};
}

}  // namespace polarize
