// Markup whose every text is escaped and whose every tag is closed.
#ifndef POLARIZE_TOOLS_REPORT_HTML_H_
#define POLARIZE_TOOLS_REPORT_HTML_H_

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace polarize {

// `text` as text or as an attribute's value between double quotes: the five
// special characters as entities; bytes that are not UTF-8 and characters that
// XML forbids become U+FFFD. Nothing in it is markup any more.
std::string EscapeHtml(absl::string_view text);

// Builds markup that is HTML and well-formed XML at once. Names of tags and
// attributes are the caller's own words, never data.
class HtmlWriter {
 public:
  using Attributes =
      std::initializer_list<std::pair<absl::string_view, absl::string_view>>;

  HtmlWriter& Open(absl::string_view tag, Attributes attributes = {});
  // Closes the tag opened last; one must be open.
  HtmlWriter& Close();
  HtmlWriter& Text(absl::string_view text);
  // A tag with nothing but text in it.
  HtmlWriter& Element(absl::string_view tag, absl::string_view text,
                      Attributes attributes = {});
  // A tag that has no end: meta, br.
  HtmlWriter& Void(absl::string_view tag, Attributes attributes = {});
  // Text with `code` between backquotes.
  HtmlWriter& Prose(absl::string_view text);
  // Markup that is whole and safe already.
  HtmlWriter& Markup(absl::string_view markup);
  // Line end, for whoever reads the source.
  HtmlWriter& Newline();

  // All of it; every tag must be closed.
  std::string Take();

 private:
  void Start(absl::string_view tag, Attributes attributes);

  std::string markup_;
  std::vector<std::string> open_;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_HTML_H_
