#include "experiments/run/palette.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_format.h"

namespace polarize {
namespace {

using Rgb = std::array<double, 3>;

constexpr double kFirstHue = 0.01;

// CIE XYZ to linear sRGB; the white point in u', v'; CIE's constants.
constexpr double kRgbOfXyz[3][3] = {{3.2406, -1.5372, -0.4986},
                                    {-0.9689, 1.8758, 0.0415},
                                    {0.0557, -0.2040, 1.0570}};
constexpr double kWhiteU = 0.19784, kWhiteV = 0.46834;
constexpr double kEpsilon = 0.008856, kKappa = 903.3;

std::string Hex(const Rgb& color) {
  std::string text = "#";
  for (const double part : color) {
    absl::StrAppendFormat(&text, "%02x",
                          std::lround(255 * std::clamp(part, 0.0, 1.0)));
  }
  return text;
}

template <typename ColorOfHue>
std::vector<std::string> Palette(size_t n, ColorOfHue color) {
  std::vector<std::string> colors;
  for (size_t i = 0; i < n; ++i) {
    const double hue = static_cast<double>(i) / static_cast<double>(n);
    colors.push_back(Hex(color(std::fmod(hue + kFirstHue, 1))));
  }
  return colors;
}

// One part of a colour in HLS: a trapezium over the hue, of height 1.
double Trapezium(double hue) {
  hue = 6 * (hue - std::floor(hue));
  return std::clamp(std::min(hue, 4 - hue), 0.0, 1.0);
}

Rgb HlsToRgb(double hue, double lightness, double saturation) {
  const double high = lightness <= 0.5
                          ? lightness * (1 + saturation)
                          : lightness + saturation - lightness * saturation;
  const double low = 2 * lightness - high;
  const auto part = [&](double h) { return low + (high - low) * Trapezium(h); };
  return {part(hue + 1.0 / 3), part(hue), part(hue - 1.0 / 3)};
}

// CIE lightness (0 to 100) to luminance.
double Luminance(double lightness) {
  const double cube = std::pow((lightness + 16) / 116, 3);
  return cube > kEpsilon ? cube : lightness / kKappa;
}

// The largest chroma of a lightness and hue (in radians) that sRGB has. Each of
// its parts is 0, or 1, on a line v = slope u + intercept of the chroma plane.
double LargestChroma(double lightness, double hue) {
  const double y = Luminance(lightness);
  double largest = HUGE_VAL;
  for (const auto& [mx, my, mz] : kRgbOfXyz) {
    for (const double bound : {0.0, 1.0}) {
      // u = 13 L (u' - white), x = 9 y u' / 4 v', z = y (12 - 3 u' - 20 v') /
      // 4 v' in mx x + my y + mz z = bound, times 4 v' / y.
      const double of_u = 9 * mx - 3 * mz;
      const double of_v = 4 * my - 20 * mz - 4 * bound / y;
      const double at_white = of_u * kWhiteU + of_v * kWhiteV + 12 * mz;
      const double chroma = -13 * lightness * at_white /
                            (of_u * std::cos(hue) + of_v * std::sin(hue));
      if (chroma > 0) largest = std::min(largest, chroma);
    }
  }
  return largest;
}

double Gamma(double linear) {
  return linear > 0.0031308 ? 1.055 * std::pow(linear, 1 / 2.4) - 0.055
                            : 12.92 * linear;
}

// Hue in degrees, saturation and lightness up to 100.
Rgb HuslToRgb(double degrees, double saturation, double lightness) {
  const double hue = degrees * std::acos(-1.0) / 180;
  const double chroma = LargestChroma(lightness, hue) * saturation / 100;
  const double u = chroma * std::cos(hue) / (13 * lightness) + kWhiteU;
  const double v = chroma * std::sin(hue) / (13 * lightness) + kWhiteV;
  const double y = Luminance(lightness);
  const double x = y * 9 * u / (4 * v);
  const double z = y * (12 - 3 * u - 20 * v) / (4 * v);
  Rgb color;
  for (size_t i = 0; i < 3; ++i) {
    const auto& [mx, my, mz] = kRgbOfXyz[i];
    color[i] = Gamma(mx * x + my * y + mz * z);
  }
  return color;
}

}  // namespace

std::vector<std::string> HlsPalette(size_t n) {
  return Palette(n, [](double hue) { return HlsToRgb(hue, 0.6, 0.65); });
}

std::vector<std::string> HuslPalette(size_t n) {
  // seaborn stretches hues to 359 and the others to 99.
  return Palette(
      n, [](double hue) { return HuslToRgb(359 * hue, 99 * 0.9, 99 * 0.65); });
}

}  // namespace polarize
