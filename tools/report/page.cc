#include "tools/report/page.h"

#include "absl/log/check.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/report/page_style.h"
#include "tools/report/svg.h"

namespace polarize {
namespace {

// Nothing may be loaded, whatever a picture asks for.
constexpr char kPolicy[] =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

bool IsNumber(absl::string_view text) {
  double ignored;
  return absl::SimpleAtod(text, &ignored);
}

}  // namespace

Page::Page(absl::string_view title, absl::string_view lead)
    : title_(title), lead_(lead) {}

Page& Page::Section(absl::string_view title) {
  if (!sections_.empty()) body_.Close().Newline();
  sections_.push_back(
      {absl::StrCat("section-", sections_.size() + 1), std::string(title)});
  body_.Open("section", {{"id", sections_.back().id}}).Newline();
  body_.Element("h2", title).Newline();
  return *this;
}

Page& Page::Heading(absl::string_view text) {
  body_.Element("h3", text).Newline();
  return *this;
}

Page& Page::Paragraph(absl::string_view text) {
  body_.Open("p").Prose(text).Close().Newline();
  return *this;
}

Page& Page::List(absl::Span<const std::string> items) {
  body_.Open("ul");
  for (const std::string& item : items) {
    body_.Open("li").Prose(item).Close().Newline();
  }
  body_.Close().Newline();
  return *this;
}

Page& Page::Table(absl::Span<const std::string> columns,
                  absl::Span<const std::vector<std::string>> rows) {
  body_.Open("div", {{"class", "wide"}}).Open("table").Open("thead");
  body_.Open("tr");
  for (const std::string& column : columns) body_.Element("th", column);
  body_.Close().Close().Open("tbody").Newline();
  for (const std::vector<std::string>& row : rows) {
    CHECK_EQ(row.size(), columns.size());
    body_.Open("tr");
    for (const std::string& cell : row) {
      body_.Open("td", {{"class", IsNumber(cell) ? "n" : "t"}});
      body_.Prose(cell).Close();
    }
    body_.Close().Newline();
  }
  body_.Close().Close().Close().Newline();
  return *this;
}

Page& Page::Terminal(absl::string_view text) {
  body_.Element("pre", absl::StripTrailingAsciiWhitespace(text)).Newline();
  return *this;
}

absl::Status Page::Picture(absl::string_view svg, absl::string_view caption) {
  const absl::StatusOr<std::string> picture =
      InlineSvg(svg, NewIdPrefix(), caption);
  if (!picture.ok()) return picture.status();
  body_.Open("figure").Open("div").Markup(*picture).Close();
  body_.Open("figcaption").Prose(caption).Close().Close().Newline();
  return absl::OkStatus();
}

Page& Page::Fact(absl::string_view name, absl::string_view content) {
  facts_.emplace_back(name, content);
  return *this;
}

std::string Page::NewIdPrefix() { return absl::StrCat("p", ++prefixes_, "-"); }

std::string Page::Take() {
  if (!sections_.empty()) body_.Close().Newline();
  HtmlWriter page;
  page.Markup("<!DOCTYPE html>\n");
  page.Open("html", {{"lang", "en"}, {"xmlns", "http://www.w3.org/1999/xhtml"}})
      .Open("head");
  page.Void("meta", {{"charset", "utf-8"}}).Newline();
  page.Void("meta",
            {{"http-equiv", "Content-Security-Policy"}, {"content", kPolicy}});
  page.Void("meta", {{"name", "viewport"},
                     {"content", "width=device-width, initial-scale=1"}});
  page.Void("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  for (const auto& fact : facts_) {
    page.Void("meta", {{"name", fact.first}, {"content", fact.second}});
  }
  page.Void("link", {{"rel", "icon"}, {"href", "data:,"}}).Newline();
  page.Element("title", title_).Newline();
  page.Open("style").Markup(kPageStyle).Close().Close().Newline();
  page.Open("body").Newline();
  page.Open("header").Element("h1", title_);
  page.Open("p", {{"class", "lead"}}).Prose(lead_).Close().Open("nav");
  for (const Anchor& section : sections_) {
    page.Element("a", section.title, {{"href", absl::StrCat("#", section.id)}});
    page.Text(" ");
  }
  page.Close().Close().Newline();
  page.Open("main").Newline().Markup(body_.Take()).Close().Newline();
  page.Close().Close().Newline();
  return page.Take();
}

}  // namespace polarize
