// The colours of seaborn (https://seaborn.pydata.org), computed as it does.
#ifndef POLARIZE_EXPERIMENTS_RUN_PALETTE_H_
#define POLARIZE_EXPERIMENTS_RUN_PALETTE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace polarize {

// The first of seaborn's palette "deep": blue, orange, green.
inline constexpr const char* kDeepPalette[] = {"#4c72b0", "#dd8452", "#55a868"};

// n evenly spaced hues from 0.01 of the circle on, "#rrggbb" each: of HLS, with
// lightness 0.6 and saturation 0.65 ...
std::vector<std::string> HlsPalette(size_t n);

// ... and of HUSL (https://www.hsluv.org; with the constants that it had before
// it was called HSLuv), saturation 0.9, lightness 0.65, where all look equally
// light.
std::vector<std::string> HuslPalette(size_t n);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_PALETTE_H_
