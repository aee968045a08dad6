// Breaking text into lines.
#ifndef POLARIZE_TOOLS_DEMO_WORDS_H_
#define POLARIZE_TOOLS_DEMO_WORDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace polarize {

// The words of an ASCII text in lines of at most `width` characters; a longer
// word has a line of its own.
std::vector<std::string> WrapWords(absl::string_view text, size_t width);

// The same as a paragraph: every line ends.
std::string Paragraph(absl::string_view text, size_t width);

// Two columns: `left`, and `right` from column `at` on, in as many lines as it
// takes up to `width`. Where `left` reaches into it, `right` begins below.
std::string TwoColumns(absl::string_view left, absl::string_view right,
                       size_t at, size_t width);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_WORDS_H_
