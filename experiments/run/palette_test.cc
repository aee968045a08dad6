#include "experiments/run/palette.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Expected: what seaborn's hls_palette, husl_palette and color_palette("deep")
// give.

TEST(PaletteTest, Hls) {
  EXPECT_THAT(HlsPalette(8),
              ElementsAre("#db5f57", "#dbc257", "#91db57", "#57db80", "#57d3db",
                          "#5770db", "#a157db", "#db57b2"));
  EXPECT_THAT(HlsPalette(0), IsEmpty());
}

TEST(PaletteTest, Husl) {
  EXPECT_THAT(HuslPalette(6), ElementsAre("#f77189", "#bb9832", "#50b131",
                                          "#36ada4", "#3ba3ec", "#e866f4"));
  EXPECT_THAT(
      HuslPalette(10),
      ElementsAre("#f77189", "#dc8932", "#ae9d31", "#77ab31", "#33b07a",
                  "#36ada4", "#38a9c5", "#6e9bf4", "#cc7af4", "#f565cc"));
  EXPECT_THAT(HuslPalette(11),
              ElementsAre("#f77189", "#e18632", "#b59a32", "#8ba731", "#32b258",
                          "#35ae95", "#37abb2", "#39a7d6", "#8f93f4", "#db70f4",
                          "#f667c6"));
  EXPECT_THAT(HuslPalette(0), IsEmpty());
}

TEST(PaletteTest, Deep) {
  EXPECT_THAT(kDeepPalette, ElementsAre("#4c72b0", "#dd8452", "#55a868"));
}

}  // namespace
}  // namespace polarize
