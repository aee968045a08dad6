#include "tools/report/svg.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/report/html.h"
#include "tools/report/thin_path.h"
#include "tools/report/xml.h"

namespace polarize {
namespace {

// In units of the picture, of which gnuplot's have 96 per inch.
constexpr double kTolerance = 0.1;

// Elements that draw and can do nothing else.
bool Draws(absl::string_view name) {
  static const auto& kNames = *new std::set<absl::string_view>{
      "circle",  "clipPath",    "defs",           "ellipse",
      "feBlend", "feComposite", "feFlood",        "filter",
      "g",       "image",       "line",           "linearGradient",
      "marker",  "mask",        "path",           "pattern",
      "polygon", "polyline",    "radialGradient", "rect",
      "stop",    "svg",         "symbol",         "text",
      "tspan",   "use"};
  return kNames.count(name) > 0;
}

bool IsText(absl::string_view name) {
  return name == "text" || name == "tspan";
}

bool IsId(absl::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' ||
           c == ':';
  });
}

// Rewrites every url(#id) of a value; false if one goes elsewhere.
bool PrefixUrls(absl::string_view value, absl::string_view prefix,
                std::string& rewritten) {
  // Escapes could hide what a browser reads.
  if (absl::StrContains(value, "\\") || absl::StrContains(value, "/*") ||
      absl::StrContains(value, "@")) {
    return false;
  }
  const std::string lower = absl::AsciiStrToLower(value);
  size_t at = 0;
  while (true) {
    const size_t url = lower.find("url(", at);
    absl::StrAppend(
        &rewritten,
        value.substr(at, url == std::string::npos ? url : url - at));
    if (url == std::string::npos) return !absl::StrContains(lower, "src(");
    const size_t end = value.find(')', url);
    if (end == absl::string_view::npos) return false;
    absl::string_view id =
        absl::StripAsciiWhitespace(value.substr(url + 4, end - url - 4));
    if (id.size() > 2 && (id[0] == '\'' || id[0] == '"')) {
      id = id.substr(1, id.size() - 2);
    }
    if (!absl::ConsumePrefix(&id, "#") || !IsId(id)) return false;
    absl::StrAppend(&rewritten, "url(#", prefix, id, ")");
    at = end + 1;
  }
}

// A reference from inside the picture to something inside the picture.
bool PrefixReference(absl::string_view element, absl::string_view value,
                     absl::string_view prefix, std::string& rewritten) {
  if (element == "image") {
    rewritten = std::string(value);
    return absl::StartsWith(value, "data:image/png;base64,");
  }
  if (!absl::ConsumePrefix(&value, "#") || !IsId(value)) return false;
  rewritten = absl::StrCat("#", prefix, value);
  return true;
}

// Whether an attribute stays, and as what.
bool KeepAttribute(absl::string_view element, absl::string_view name,
                   absl::string_view value, absl::string_view prefix,
                   std::string& kept) {
  if (name == "id") {
    if (!IsId(value)) return false;
    kept = absl::StrCat(prefix, value);
    return true;
  }
  if (name == "href" || name == "xlink:href") {
    return PrefixReference(element, value, prefix, kept);
  }
  if (name == "xml:space") {
    kept = std::string(value);
    return true;
  }
  // The page's style is not for pictures, nor are scripts for anybody.
  const std::string lower = absl::AsciiStrToLower(name);
  if (absl::StrContains(name, ":") || absl::StartsWith(lower, "xmlns") ||
      absl::StartsWith(lower, "on") || lower == "class" || lower == "src" ||
      absl::StartsWith(lower, "aria-") || lower == "role" ||
      lower == "tabindex") {
    return false;
  }
  if (name == "d") {
    kept = ThinPath(value, kTolerance);
    return true;
  }
  return PrefixUrls(value, prefix, kept);
}

void AppendAttribute(absl::string_view name, absl::string_view value,
                     std::string& markup) {
  absl::StrAppend(&markup, " ", name, "=\"", EscapeHtml(value), "\"");
}

void AppendStart(const XmlEvent& event, absl::string_view prefix,
                 std::string& markup) {
  absl::StrAppend(&markup, "<", event.name);
  for (const auto& attribute : event.attributes) {
    std::string kept;
    if (!KeepAttribute(event.name, attribute.first, attribute.second, prefix,
                       kept)) {
      continue;
    }
    AppendAttribute(attribute.first == "xlink:href" ? "href" : attribute.first,
                    kept, markup);
  }
  markup += '>';
}

// A length in units of the picture; false for percentages and the like.
bool Length(absl::string_view text, double& length) {
  double scale = 1;
  if (absl::ConsumeSuffix(&text, "pt")) scale = 96.0 / 72;
  if (absl::ConsumeSuffix(&text, "in")) scale = 96;
  absl::ConsumeSuffix(&text, "px");
  if (!absl::SimpleAtod(text, &length)) return false;
  length *= scale;
  return length > 0 && length < 1e5;
}

struct Size {
  std::string view_box;
  double width = 0;
};

absl::StatusOr<Size> SizeOf(const XmlEvent& root) {
  Size size;
  double width = 0, height = 0;
  for (const auto& attribute : root.attributes) {
    if (attribute.first == "viewBox") size.view_box = attribute.second;
    if (attribute.first == "width") Length(attribute.second, width);
    if (attribute.first == "height") Length(attribute.second, height);
  }
  if (size.view_box.empty()) {
    if (width <= 0 || height <= 0) {
      return absl::InvalidArgumentError("a picture without a size");
    }
    size.view_box = absl::StrFormat("0 0 %g %g", width, height);
    size.width = width;
    return size;
  }
  const std::vector<std::string> numbers = absl::StrSplit(
      size.view_box, absl::ByAnyChar(" ,\t\n"), absl::SkipEmpty());
  double ignored;
  for (const std::string& number : numbers) {
    if (!absl::SimpleAtod(number, &ignored)) {
      return absl::InvalidArgumentError("a viewBox of no numbers");
    }
  }
  if (numbers.size() != 4 || !Length(numbers[2], size.width)) {
    return absl::InvalidArgumentError("a viewBox without a size");
  }
  return size;
}

absl::StatusOr<std::string> RootTag(const XmlEvent& root,
                                    absl::string_view label) {
  if (root.name != "svg") {
    return absl::InvalidArgumentError(
        absl::StrCat("the root is <", root.name, ">, not <svg>"));
  }
  const absl::StatusOr<Size> size = SizeOf(root);
  if (!size.ok()) return size.status();
  std::string markup = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"";
  AppendAttribute("aria-label", label, markup);
  AppendAttribute("viewBox", size->view_box, markup);
  AppendAttribute("style", absl::StrFormat("width:%.0fpx", size->width),
                  markup);
  markup += '>';
  return markup;
}

// The rest of an element that is left out.
absl::Status SkipElement(XmlReader& reader) {
  for (int depth = 1; depth > 0;) {
    const absl::StatusOr<XmlEvent> event = reader.Next();
    if (!event.ok()) return event.status();
    if (event->kind == XmlEvent::kStart) ++depth;
    if (event->kind == XmlEvent::kEnd) --depth;
  }
  return absl::OkStatus();
}

struct OpenElement {
  std::string name;
  size_t start;    // of its tag in the markup
  size_t content;  // behind its tag
};

// Closes an element; one that draws nothing goes.
void AppendEnd(const OpenElement& element, std::string& markup) {
  if (markup.size() > element.content || element.name == "svg") {
    absl::StrAppend(&markup, "</", element.name, ">");
  } else if (element.name == "g" || element.name == "text") {
    markup.resize(element.start);
  } else {
    markup.pop_back();
    absl::StrAppend(&markup, "/>");
  }
}

}  // namespace

absl::StatusOr<std::string> InlineSvg(absl::string_view svg,
                                      absl::string_view prefix,
                                      absl::string_view label) {
  absl::ConsumePrefix(&svg, "\xEF\xBB\xBF");
  XmlReader reader(svg);
  std::string markup;
  std::vector<OpenElement> open;
  while (true) {
    absl::StatusOr<XmlEvent> event = reader.Next();
    if (!event.ok()) return event.status();
    switch (event->kind) {
      case XmlEvent::kEndOfFile:
        return markup;
      case XmlEvent::kStart: {
        const size_t start = markup.size();
        if (open.empty()) {
          const absl::StatusOr<std::string> root = RootTag(*event, label);
          if (!root.ok()) return root.status();
          markup = *root;
        } else if (!Draws(event->name)) {
          const absl::Status skipped = SkipElement(reader);
          if (!skipped.ok()) return skipped;
          break;
        } else {
          AppendStart(*event, prefix, markup);
        }
        open.push_back({event->name, start, markup.size()});
        break;
      }
      case XmlEvent::kEnd:
        AppendEnd(open.back(), markup);
        open.pop_back();
        break;
      case XmlEvent::kText:
        if (!open.empty() && IsText(open.back().name)) {
          absl::StrAppend(&markup, EscapeHtml(event->text));
        }
        break;
    }
  }
}

}  // namespace polarize
