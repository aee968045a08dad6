#include "experiments/run/bar_hatch.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace polarize {
namespace {

// matplotlib has 6 rows an inch for each character of a hatch, and 3 diagonals
// across.
constexpr double kCrossPitch = 1.0 / 27, kDotPitch = 1.0 / 24;
// Its stars, 54 rows an inch, are seen as a grey at any usual size and would
// make files of megabytes.
constexpr double kStarPitch = 1.0 / 27;
// Of the pitch. Of a dot, to the middle of the line around it.
constexpr double kStarRadius = 1.0 / 3, kDotRadius = 0.05;
constexpr double kPi = 3.14159265358979323846;

struct Rectangle {
  double width, height;
};

// Narrows from <= t <= to so that p t <= q there; false if nothing is left.
bool Narrow(double p, double q, double& from, double& to) {
  if (p == 0) return q >= 0;
  if (p < 0) {
    from = std::max(from, q / p);
  } else {
    to = std::min(to, q / p);
  }
  return from < to;
}

HatchPoint Inside(const Rectangle& r, double x, double y) {
  return {std::clamp(x, 0.0, r.width), std::clamp(y, 0.0, r.height)};
}

// The part of a segment that is inside (Liang and Barsky 1984), behind what
// there is: a line goes on where the last one ended.
void AppendClipped(const Rectangle& r, const HatchPoint& a, const HatchPoint& b,
                   std::vector<HatchLine>& lines) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  double from = 0, to = 1;
  if (!Narrow(-dx, a.x, from, to) || !Narrow(dx, r.width - a.x, from, to) ||
      !Narrow(-dy, a.y, from, to) || !Narrow(dy, r.height - a.y, from, to)) {
    return;
  }
  // An end that stays does so to the last bit.
  const HatchPoint start =
      from == 0 ? a : Inside(r, a.x + from * dx, a.y + from * dy);
  const HatchPoint end = to == 1 ? b : Inside(r, a.x + to * dx, a.y + to * dy);
  if (lines.empty() || lines.back().back().x != start.x ||
      lines.back().back().y != start.y) {
    lines.push_back({start});
  }
  lines.back().push_back(end);
}

std::vector<HatchLine> Cross(const Rectangle& r) {
  std::vector<HatchLine> lines;
  const double length = r.width + r.height;
  const auto count = static_cast<size_t>(length / kCrossPitch);
  for (size_t i = 0; i <= count; ++i) {
    const double at = (static_cast<double>(i) + 0.5) * kCrossPitch;
    AppendClipped(r, {at - r.height, 0}, {at, r.height}, lines);
    AppendClipped(r, {at, 0}, {at - r.height, r.height}, lines);
  }
  return lines;
}

// Rows of closed lines around middles; every other row is shifted. `step`
// corners on, of so many on a circle, is the next one: 2 of 5 is a star.
std::vector<HatchLine> Shapes(const Rectangle& r, double pitch, double radius,
                              size_t corners, size_t step) {
  std::vector<HatchLine> lines;
  const auto corner = [&](double x, double y, size_t i) -> HatchPoint {
    const double angle = kPi / 2 + 2 * kPi * static_cast<double>(i * step) /
                                       static_cast<double>(corners);
    return {x + radius * std::cos(angle), y + radius * std::sin(angle)};
  };
  const auto rows = static_cast<size_t>(r.height / pitch) + 1;
  const auto columns = static_cast<size_t>(r.width / pitch) + 2;
  for (size_t row = 0; row <= rows; ++row) {
    for (size_t column = 0; column <= columns; ++column) {
      const double x =
          pitch * (static_cast<double>(column) + (row % 2 == 0 ? 0.25 : -0.25));
      const double y = pitch * (static_cast<double>(row) + 0.5);
      for (size_t i = 0; i < corners; ++i) {
        AppendClipped(r, corner(x, y, i), corner(x, y, (i + 1) % corners),
                      lines);
      }
    }
  }
  return lines;
}

}  // namespace

double HatchLineWidth(Hatch hatch) {
  return hatch == Hatch::kDots ? 2 * kDotRadius * kDotPitch * 72 : 0.2;
}

const char* HatchLineColor(Hatch hatch) {
  // matplotlib's lines are 0.1 points wide, which gnuplot's PDF widens to 0.2:
  // lines of that width, half as dark.
  return hatch == Hatch::kDots ? "#00000000" : "#80000000";
}

std::vector<HatchLine> HatchLines(Hatch hatch, double width, double height) {
  if (!(width > 0 && height > 0)) return {};
  const Rectangle r = {width, height};
  switch (hatch) {
    case Hatch::kNone:
      return {};
    case Hatch::kCross:
      return Cross(r);
    case Hatch::kStars:
      return Shapes(r, kStarPitch, kStarRadius * kStarPitch, 5, 2);
    case Hatch::kDots:
      return Shapes(r, kDotPitch, kDotRadius * kDotPitch, 6, 1);
  }
  return {};
}

}  // namespace polarize
