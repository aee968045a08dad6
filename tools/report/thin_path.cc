#include "tools/report/thin_path.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace polarize {
namespace {

struct Point {
  double x, y;
};
struct Line {
  std::vector<Point> points;
  bool closed = false;
};

// No more than so many points are left out between two that stay.
constexpr size_t kWindow = 500;

bool TakeNumber(absl::string_view& d, double& number) {
  while (!d.empty() && (absl::ascii_isspace(d[0]) || d[0] == ',')) {
    d.remove_prefix(1);
  }
  const size_t end = std::min(d.find_first_not_of("0123456789.-+eE"), d.size());
  if (!absl::SimpleAtod(d.substr(0, end), &number)) return false;
  d.remove_prefix(end);
  return std::isfinite(number);
}

// False if there is anything but straight lines in absolute coordinates.
bool ParseLines(absl::string_view d, std::vector<Line>& lines) {
  char command = 0;
  while (true) {
    d = absl::StripLeadingAsciiWhitespace(d);
    if (d.empty()) return true;
    if (absl::ascii_isalpha(d[0])) {
      command = d[0];
      d.remove_prefix(1);
      if (command == 'M') lines.emplace_back();
      if (lines.empty()) return false;
      if (command == 'Z' || command == 'z') {
        lines.back().closed = true;
        continue;
      }
    }
    // Where a line goes on after Z is not worth following.
    if ((command != 'M' && command != 'L') || lines.back().closed) return false;
    Point point;
    if (!TakeNumber(d, point.x) || !TakeNumber(d, point.y)) return false;
    lines.back().points.push_back(point);
  }
}

double Distance(const Point& p, const Point& a, const Point& b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double square = dx * dx + dy * dy;
  const double t =
      square > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / square : 0;
  const double inside = std::min(std::max(t, 0.0), 1.0);
  return std::hypot(p.x - a.x - inside * dx, p.y - a.y - inside * dy);
}

// Whether the points between `from` and `to` may go.
bool MayGo(const std::vector<Point>& points, size_t from, size_t to,
           double tolerance) {
  for (size_t i = from + 1; i < to; ++i) {
    if (Distance(points[i], points[from], points[to]) > tolerance) return false;
  }
  return true;
}

std::vector<Point> Thin(const std::vector<Point>& points, double tolerance) {
  std::vector<Point> kept;
  size_t at = 0;
  while (at < points.size()) {
    kept.push_back(points[at]);
    size_t next = at + 1;
    while (next + 1 < points.size() && next - at < kWindow &&
           MayGo(points, at, next + 1, tolerance)) {
      ++next;
    }
    at = next;
  }
  return kept;
}

// Two digits, without zeros at the end.
void AppendNumber(double number, std::string& d) {
  std::string text = absl::StrFormat("%.2f", number);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  absl::StrAppend(&d, text == "-0" ? "0" : text);
}

}  // namespace

std::string ThinPath(absl::string_view d, double tolerance) {
  std::vector<Line> lines;
  if (!ParseLines(d, lines)) return std::string(d);
  std::string thin;
  for (const Line& line : lines) {
    thin += 'M';
    bool first = true;
    for (const Point& point : Thin(line.points, tolerance)) {
      if (!first) thin += ' ';
      first = false;
      AppendNumber(point.x, thin);
      thin += ',';
      AppendNumber(point.y, thin);
    }
    if (line.closed) thin += 'Z';
  }
  return thin;
}

}  // namespace polarize
