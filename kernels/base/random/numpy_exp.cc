#include "kernels/base/random/numpy_exp.h"

#include <cmath>

namespace polarize {
namespace {

constexpr double kLog2E = 0x1.71547652b82fep+0;
// A sum with it is a multiple of 1/16.
constexpr double kShifter = 0x1.8p+48;
constexpr double kLn2High = 0x1.62e42fefa39efp-1;
constexpr double kLn2Low = 0x1.abc9e3b39803fp-56;
// exp(r) = 1 + r + c2 r^2 + ... + c6 r^6.
constexpr double kC2 = 0x1.0000000002622p-1, kC3 = 0x1.5555554b508a2p-3;
constexpr double kC4 = 0x1.555564bb4f5fp-5, kC5 = 0x1.1106603d97cp-7;
constexpr double kC6 = 0x1.72eb5ef0d213dp-10;

// x / ln 2, cut off after four binary digits.
double Sixteenths(double x) {
  const double sum = std::fma(x, kLog2E, kShifter);
  const double nearest = sum - kShifter;
  const bool too_large = std::fma(x, kLog2E, -nearest) < 0;
  return too_large ? nearest - 0.0625 : nearest;
}

}  // namespace

double NumpyExp(double x) {
  const double n = Sixteenths(x);
  const double whole = std::floor(n);
  const double r = std::fma(-n, kLn2Low, std::fma(-n, kLn2High, x));
  const double r2 = r * r, r3 = r2 * r;
  const double p12 = std::fma(kC2, r2, r);
  const double p34 = std::fma(kC4, r, kC3);
  const double p36 = std::fma(std::fma(kC6, r, kC5), r2, p34);
  const double tail = std::fma(p36, r3, p12);
  const double power = std::exp2(n - whole);  // one of 16, correctly rounded
  return std::ldexp(std::fma(power, tail, power), static_cast<int>(whole));
}

}  // namespace polarize
