// Hatches of bars, as lines: gnuplot's own patterns are few, differ between its
// formats and change with the picture's scale.
#ifndef POLARIZE_EXPERIMENTS_RUN_BAR_HATCH_H_
#define POLARIZE_EXPERIMENTS_RUN_BAR_HATCH_H_

#include <vector>

namespace polarize {

enum class Hatch {
  kNone,
  kCross,  // both diagonals: matplotlib's 'xxxxxxxxx'
  kStars,  // rows of five-pointed stars: '*********', half as dense
  kDots,   // rows of dots: '....'
};

struct HatchPoint {
  double x, y;
};
using HatchLine = std::vector<HatchPoint>;  // two or more points

// How the lines of a hatch are drawn: their width in points, and a colour of
// gnuplot's, "#AArrggbb", whose AA is what shines through.
double HatchLineWidth(Hatch hatch);
const char* HatchLineColor(Hatch hatch);

// The lines that fill the rectangle from (0, 0) to (width, height), in inches;
// none leaves it.
std::vector<HatchLine> HatchLines(Hatch hatch, double width, double height);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_BAR_HATCH_H_
