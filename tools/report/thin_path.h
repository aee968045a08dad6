// Long lines with fewer points.
#ifndef POLARIZE_TOOLS_REPORT_THIN_PATH_H_
#define POLARIZE_TOOLS_REPORT_THIN_PATH_H_

#include <string>

#include "absl/strings/string_view.h"

namespace polarize {

// The path data `d` (SVG's attribute) without the points that lie within
// `tolerance` of the line between the points kept before and after them. Data
// with anything but absolute straight lines (M, L, a closing Z) comes back as
// it is.
std::string ThinPath(absl::string_view d, double tolerance);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_THIN_PATH_H_
