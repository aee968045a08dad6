#include "tools/sweeps/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace polarize {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kTail = 0.025;  // of an interval of 95 %

}  // namespace

std::vector<double> Sorted(std::vector<double> values) {
  values.erase(std::remove_if(values.begin(), values.end(),
                              [](double value) { return std::isnan(value); }),
               values.end());
  std::sort(values.begin(), values.end());
  return values;
}

double Mean(std::vector<double> values) {
  values = Sorted(std::move(values));
  if (values.empty()) return kNone;
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double Quantile(const std::vector<double>& sorted, double part) {
  const double at = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] +
         (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::pair<double, double> BootstrapInterval(std::vector<double> values,
                                            size_t resamples, uint64_t seed) {
  values = Sorted(std::move(values));
  if (values.size() < 2 || resamples == 0) return {kNone, kNone};
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
