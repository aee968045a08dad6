#include "tools/report/html.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

// Whether an XML document may hold the character.
bool IsXmlCharacter(uint32_t c) {
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xD800) ||
         (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

// The bytes of the character that starts `text`, or 0 if none may stand there.
size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t length = first < 0x80             ? 1
                        : (first & 0xE0) == 0xC0 ? 2
                        : (first & 0xF0) == 0xE0 ? 3
                        : (first & 0xF8) == 0xF0 ? 4
                                                 : 0;
  if (length == 0 || length > text.size()) return 0;
  uint32_t c = length == 1 ? first : first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    c = c << 6 | (byte(i) & 0x3F);
  }
  // Not the shortest spelling of the character.
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return c >= kLeast[length] && IsXmlCharacter(c) ? length : 0;
}

absl::string_view Entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return "";
  }
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const absl::string_view entity = length == 1 ? Entity(text[0]) : "";
    if (length == 0) {
      absl::StrAppend(&escaped, kReplacement);
    } else if (!entity.empty()) {
      absl::StrAppend(&escaped, entity);
    } else {
      absl::StrAppend(&escaped, text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return escaped;
}

void HtmlWriter::Start(absl::string_view tag, Attributes attributes) {
  absl::StrAppend(&markup_, "<", tag);
  for (const auto& attribute : attributes) {
    absl::StrAppend(&markup_, " ", attribute.first, "=\"",
                    EscapeHtml(attribute.second), "\"");
  }
}

HtmlWriter& HtmlWriter::Open(absl::string_view tag, Attributes attributes) {
  Start(tag, attributes);
  markup_ += '>';
  open_.emplace_back(tag);
  return *this;
}

HtmlWriter& HtmlWriter::Close() {
  CHECK(!open_.empty()) << "no tag is open";
  absl::StrAppend(&markup_, "</", open_.back(), ">");
  open_.pop_back();
  return *this;
}

HtmlWriter& HtmlWriter::Text(absl::string_view text) {
  absl::StrAppend(&markup_, EscapeHtml(text));
  return *this;
}

HtmlWriter& HtmlWriter::Element(absl::string_view tag, absl::string_view text,
                                Attributes attributes) {
  return Open(tag, attributes).Text(text).Close();
}

HtmlWriter& HtmlWriter::Void(absl::string_view tag, Attributes attributes) {
  Start(tag, attributes);
  markup_ += "/>";
  return *this;
}

HtmlWriter& HtmlWriter::Prose(absl::string_view text) {
  while (!text.empty()) {
    const size_t start = text.find('`');
    const size_t end = start == absl::string_view::npos
                           ? absl::string_view::npos
                           : text.find('`', start + 1);
    if (end == absl::string_view::npos) return Text(text);
    Text(text.substr(0, start));
    Element("code", text.substr(start + 1, end - start - 1));
    text.remove_prefix(end + 1);
  }
  return *this;
}

HtmlWriter& HtmlWriter::Markup(absl::string_view markup) {
  absl::StrAppend(&markup_, markup);
  return *this;
}

HtmlWriter& HtmlWriter::Newline() {
  markup_ += '\n';
  return *this;
}

std::string HtmlWriter::Take() {
  CHECK(open_.empty()) << "<" << open_.back() << "> is open";
  return std::move(markup_);
}

}  // namespace polarize
