// One self-contained HTML page: it has its style and pictures inside, no
// script, and nothing that a browser would load. Light or dark as the reader
// has it, narrow or wide, on paper too.
#ifndef POLARIZE_TOOLS_REPORT_PAGE_H_
#define POLARIZE_TOOLS_REPORT_PAGE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tools/report/html.h"

namespace polarize {

// Sections of paragraphs, tables, terminal output and pictures:
//
//   Page page("A logistic flow", "What it shows.");
//   page.Section("Claims").Table({"claim", "verdict"}, rows);
//   page.Section("Attention").Terminal(text);
//   if (!page.Picture(svg, "Attention of one sample.").ok()) ...
//   WriteFileWhole("report.html", page.Take());
//
// Every text is data and is escaped; `code` between backquotes is set as code.
class Page {
 public:
  Page(absl::string_view title, absl::string_view lead);

  // Starts a section, which gets a link at the top of the page.
  Page& Section(absl::string_view title);
  Page& Paragraph(absl::string_view text);
  // A heading within a section.
  Page& Heading(absl::string_view text);
  Page& List(absl::Span<const std::string> items);
  // Rows as long as the columns; numbers are aligned to the right.
  Page& Table(absl::Span<const std::string> columns,
              absl::Span<const std::vector<std::string>> rows);
  // What a terminal shows, or a command.
  Page& Terminal(absl::string_view text);
  // The text of an SVG file with a caption. What is no SVG is an error, and the
  // page stays as it was.
  absl::Status Picture(absl::string_view svg, absl::string_view caption);
  // "name: content" among the page's facts for programs, before Take().
  Page& Fact(absl::string_view name, absl::string_view content);

  // For markup of another kind, within a section; leave no tag open.
  HtmlWriter& writer() { return body_; }
  // A prefix for ids that no other call of this page gave.
  std::string NewIdPrefix();

  // The page's text.
  std::string Take();

 private:
  struct Anchor {
    std::string id;
    std::string title;
  };

  std::string title_;
  std::string lead_;
  std::vector<Anchor> sections_;
  std::vector<std::pair<std::string, std::string>> facts_;
  HtmlWriter body_;
  size_t prefixes_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_PAGE_H_
