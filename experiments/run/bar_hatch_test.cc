#include "experiments/run/bar_hatch.h"

#include <cmath>
#include <cstddef>
#include <vector>

#include "gtest/gtest.h"

namespace polarize {
namespace {

constexpr Hatch kHatches[] = {Hatch::kCross, Hatch::kStars, Hatch::kDots};

size_t Segments(const std::vector<HatchLine>& lines) {
  size_t count = 0;
  for (const HatchLine& line : lines) count += line.size() - 1;
  return count;
}

TEST(BarHatchTest, EveryLineIsInside) {
  for (const Hatch hatch : kHatches) {
    for (const double width : {0.001, 0.02, 0.1445, 1.0}) {
      for (const double height : {0.0005, 0.03, 0.77, 1.3}) {
        for (const HatchLine& line : HatchLines(hatch, width, height)) {
          ASSERT_GE(line.size(), 2u);
          for (const HatchPoint& point : line) {
            ASSERT_TRUE(point.x >= 0 && point.x <= width) << point.x;
            ASSERT_TRUE(point.y >= 0 && point.y <= height) << point.y;
          }
        }
      }
    }
  }
}

// No corner stays empty: every small square of the rectangle has a line.
TEST(BarHatchTest, TheWholeBarIsFilled) {
  const double width = 0.2, height = 0.9;
  for (const Hatch hatch : kHatches) {
    const double side = hatch == Hatch::kCross ? 1.0 / 20 : 1.0 / 11;
    const std::vector<HatchLine> lines = HatchLines(hatch, width, height);
    for (double x = 0; x + side <= width; x += side / 2) {
      for (double y = 0; y + side <= height; y += side / 2) {
        bool any = false;
        for (const HatchLine& line : lines) {
          for (size_t i = 0; i + 1 < line.size() && !any; ++i) {
            for (int part = 0; part <= 64 && !any; ++part) {
              const double t = part / 64.0;
              const double px = line[i].x + t * (line[i + 1].x - line[i].x);
              const double py = line[i].y + t * (line[i + 1].y - line[i].y);
              any = px >= x && px <= x + side && py >= y && py <= y + side;
            }
          }
        }
        EXPECT_TRUE(any) << static_cast<int>(hatch) << " " << x << " " << y;
      }
    }
  }
}

TEST(BarHatchTest, CrossIsDiagonalBothWays) {
  size_t rising = 0, falling = 0;
  for (const HatchLine& line : HatchLines(Hatch::kCross, 0.5, 0.25)) {
    ASSERT_EQ(line.size(), 2u);
    const double dx = line[1].x - line[0].x, dy = line[1].y - line[0].y;
    EXPECT_NEAR(std::abs(dx), std::abs(dy), 1e-12);
    ++(dx * dy > 0 ? rising : falling);
  }
  // 27 an inch, over width and height, each way.
  EXPECT_NEAR(static_cast<double>(rising), 27 * 0.75, 1);
  EXPECT_EQ(rising, falling);
}

TEST(BarHatchTest, StarsAndDotsAreClosed) {
  // In the middle of a large rectangle, nothing is cut off.
  for (const Hatch hatch : {Hatch::kStars, Hatch::kDots}) {
    size_t whole = 0;
    for (const HatchLine& line : HatchLines(hatch, 1, 1)) {
      if (line.size() != (hatch == Hatch::kStars ? 6u : 7u)) continue;
      ++whole;
      EXPECT_NEAR(line.front().x, line.back().x, 1e-12);
      EXPECT_NEAR(line.front().y, line.back().y, 1e-12);
    }
    EXPECT_GT(whole, hatch == Hatch::kStars ? 600u : 500u);
  }
}

TEST(BarHatchTest, NothingOnNothing) {
  for (const Hatch hatch : kHatches) {
    EXPECT_TRUE(HatchLines(hatch, 0, 1).empty());
    EXPECT_TRUE(HatchLines(hatch, 1, -1).empty());
    EXPECT_TRUE(HatchLines(hatch, std::nan(""), 1).empty());
    EXPECT_GT(Segments(HatchLines(hatch, 0.1, 0.1)), 0u);
    EXPECT_GT(HatchLineWidth(hatch), 0);
  }
  EXPECT_TRUE(HatchLines(Hatch::kNone, 1, 1).empty());
}

}  // namespace
}  // namespace polarize
