// A picture as part of a page.
#ifndef POLARIZE_TOOLS_REPORT_SVG_H_
#define POLARIZE_TOOLS_REPORT_SVG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

// The SVG file's text `svg` as an <svg> element to stand in a page beside
// others:
// - every id, and what refers to it, starts with `prefix`, which must differ
//   from picture to picture and consist of letters, digits, '-' and '_';
// - only elements that draw are kept: no script, style sheet, animation, link,
//   foreign content, no on... attribute, and no address but "#id" and PNG
//   images inside the file;
// - it is as wide as its own size says, or as the place it stands in;
// - it is called `label` for those who do not see it;
// - points of long lines that lie within a tenth of a unit of the line between
//   their neighbours are left out, and so are spaces that draw nothing.
// A text that is no well-formed XML with an svg element at its root is an
// error: "line N: RULE".
absl::StatusOr<std::string> InlineSvg(absl::string_view svg,
                                      absl::string_view prefix,
                                      absl::string_view label);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_SVG_H_
