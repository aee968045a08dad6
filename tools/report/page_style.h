// How pages look.
#ifndef POLARIZE_TOOLS_REPORT_PAGE_STYLE_H_
#define POLARIZE_TOOLS_REPORT_PAGE_STYLE_H_

namespace polarize {

// CSS without '<' and '&', which a style element may hold as it is.
extern const char kPageStyle[];

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_PAGE_STYLE_H_
