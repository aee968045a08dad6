#include "tests/support/kernel_testing.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "gtest/gtest.h"
#include "hwy/highway.h"
#include "kernels/base/isa.h"

namespace polarize {
namespace {

// Floats in order of value <-> integers in order.
int32_t Ordered(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits >= 0 ? bits : std::numeric_limits<int32_t>::min() - bits;
}

float FromOrdered(int32_t i) {
  const int32_t bits = i >= 0 ? i : std::numeric_limits<int32_t>::min() - i;
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

}  // namespace

double UlpError(float actual, double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isnan(actual) && std::isnan(exact)) return 0;
  if (actual == rounded) {
    if (std::isinf(actual)) return 0;
  } else if (!std::isfinite(actual) || !std::isfinite(exact)) {
    return std::numeric_limits<double>::infinity();
  }
  int exponent = std::numeric_limits<float>::min_exponent;
  if (exact != 0) exponent = std::max(exponent, std::ilogb(exact) + 1);
  const double ulp = std::ldexp(1.0, exponent - 24);
  return std::abs(static_cast<double>(actual) - exact) / ulp;
}

std::vector<float> FloatsBetween(float lo, float hi, size_t count) {
  const int64_t first = Ordered(lo), last = Ordered(hi);
  const int64_t step =
      std::max<int64_t>(1, (last - first) / std::max<int64_t>(1, count));
  std::vector<float> floats;
  floats.reserve(count + 2);
  for (int64_t i = first; i < last; i += step) {
    floats.push_back(FromOrdered(static_cast<int32_t>(i)));
  }
  floats.push_back(hi);
  return floats;
}

void ForEachTarget(absl::FunctionRef<void()> body) {
  for (int64_t rest = UsableTargets(); rest != 0; rest &= rest - 1) {
    const int64_t target = rest & -rest;
    PinTarget(target);
    SCOPED_TRACE(hwy::TargetName(target));
    body();
  }
  PinTarget(0);
}

GuardedBytes::GuardedBytes(size_t bytes, size_t offset) {
  const size_t page = sysconf(_SC_PAGESIZE);
  constexpr size_t kLine = 64;
  offset %= kLine;
  const size_t usable = (bytes + 2 * kLine + page - 1) / page * page;
  map_size_ = usable + 2 * page;
  map_ =
      mmap(nullptr, map_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map_ == MAP_FAILED) HWY_ABORT("mmap of %zu bytes failed", map_size_);
  uint8_t* const start = static_cast<uint8_t*>(map_) + page;
  if (mprotect(start, usable, PROT_READ | PROT_WRITE) != 0) {
    HWY_ABORT("mprotect failed");
  }
  const size_t latest = usable - bytes;  // ends at the guard page
  size_t at = latest / kLine * kLine + offset;
  if (at > latest) at -= kLine;
  data_ = start + at;
}

GuardedBytes::~GuardedBytes() { munmap(map_, map_size_); }

double GradientError(double* x, const double* gradient, size_t n,
                     absl::FunctionRef<double()> objective) {
  constexpr double kStep = 1e-3;
  double difference = 0, norm = 0;
  for (size_t i = 0; i < n; ++i) {
    const double at = x[i];
    const auto shifted = [&](double shift) {
      x[i] = at + shift;
      return objective();
    };
    const double near = shifted(kStep) - shifted(-kStep);
    const double far = shifted(2 * kStep) - shifted(-2 * kStep);
    x[i] = at;
    const double slope = (8 * near - far) / (12 * kStep);
    difference += (gradient[i] - slope) * (gradient[i] - slope);
    norm += slope * slope;
  }
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

}  // namespace polarize
