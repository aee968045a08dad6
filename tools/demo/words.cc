#include "tools/demo/words.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace polarize {

std::vector<std::string> WrapWords(absl::string_view text, size_t width) {
  std::vector<std::string> lines;
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back(word);
    } else {
      absl::StrAppend(&lines.back(), " ", word);
    }
  }
  return lines;
}

std::string Paragraph(absl::string_view text, size_t width) {
  return absl::StrCat(absl::StrJoin(WrapWords(text, width), "\n"), "\n");
}

std::string TwoColumns(absl::string_view left, absl::string_view right,
                       size_t at, size_t width) {
  std::string text(left);
  size_t column = text.size();
  for (const std::string& line :
       WrapWords(right, width > at ? width - at : 1)) {
    if (column + 1 > at) {
      text += '\n';
      column = 0;
    }
    absl::StrAppend(&text, std::string(at - column, ' '), line);
    column = width;  // whatever comes next goes below
  }
  return text + "\n";
}

}  // namespace polarize
