#include "tools/report/xml.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace polarize {
namespace {

constexpr size_t kDeepest = 100;

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(c) || c == ':' || c == '_' || c == '-' || c == '.';
}

void AppendUtf8(uint32_t c, std::string& text) {
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  text += static_cast<char>(kLead[more] | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) {
    text += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
  }
}

// Appends what the entity `name` stands for; false if there is none.
bool AppendEntity(absl::string_view name, std::string& text) {
  constexpr std::pair<absl::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& named : kNamed) {
    if (name == named.first) {
      text += named.second;
      return true;
    }
  }
  uint32_t c = 0;
  const bool read =
      absl::ConsumePrefix(&name, "#x")
          ? absl::SimpleHexAtoi(name, &c)
          : absl::ConsumePrefix(&name, "#") && absl::SimpleAtoi(name, &c);
  if (!read || c == 0 || c > 0x10FFFF) return false;
  AppendUtf8(c, text);
  return true;
}

}  // namespace

absl::Status XmlReader::Error(absl::string_view rule) const {
  const absl::string_view before = text_.substr(0, at_);
  return absl::InvalidArgumentError(absl::StrCat(
      "line ", 1 + std::count(before.begin(), before.end(), '\n'), ": ", rule));
}

bool XmlReader::Starts(absl::string_view start) const {
  return text_.substr(std::min(at_, text_.size()), start.size()) == start;
}

absl::Status XmlReader::SkipBehind(absl::string_view end) {
  const size_t found = text_.find(end, at_);
  if (found == absl::string_view::npos) {
    return Error(absl::StrCat("no \"", end, "\" follows"));
  }
  at_ = found + end.size();
  return absl::OkStatus();
}

void XmlReader::SkipSpaces() {
  while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
}

std::string XmlReader::Name() {
  const size_t start = at_;
  while (at_ < text_.size() && IsNameCharacter(text_[at_])) ++at_;
  return std::string(text_.substr(start, at_ - start));
}

absl::StatusOr<std::string> XmlReader::Resolve(absl::string_view text) const {
  std::string resolved;
  while (true) {
    const size_t entity = text.find('&');
    absl::StrAppend(&resolved, text.substr(0, entity));
    if (entity == absl::string_view::npos) return resolved;
    const size_t end = text.find(';', entity);
    if (end == absl::string_view::npos ||
        !AppendEntity(text.substr(entity + 1, end - entity - 1), resolved)) {
      return Error("an & that starts no entity of XML");
    }
    text.remove_prefix(end + 1);
  }
}

absl::Status XmlReader::Attribute(XmlEvent& event) {
  std::string name = Name();
  if (name.empty()) return Error("a tag that does not end");
  SkipSpaces();
  if (!Starts("=")) return Error("an attribute without a value");
  ++at_;
  SkipSpaces();
  if (!Starts("\"") && !Starts("'")) return Error("a value without quotes");
  const size_t start = at_ + 1;
  const size_t end = text_.find(text_[at_], start);
  if (end == absl::string_view::npos) return Error("a quote never closed");
  const absl::string_view value = text_.substr(start, end - start);
  if (value.find('<') != absl::string_view::npos)
    return Error("a < in a value");
  absl::StatusOr<std::string> resolved = Resolve(value);
  if (!resolved.ok()) return resolved.status();
  for (const auto& other : event.attributes) {
    if (other.first == name) return Error("an attribute given twice");
  }
  event.attributes.emplace_back(std::move(name), *std::move(resolved));
  at_ = end + 1;
  return absl::OkStatus();
}

absl::StatusOr<XmlEvent> XmlReader::EndTag() {
  at_ += 2;  // </
  XmlEvent event;
  event.kind = XmlEvent::kEnd;
  event.name = Name();
  SkipSpaces();
  if (!Starts(">")) return Error("an end tag that does not end");
  if (open_.empty() || open_.back() != event.name) {
    return Error(absl::StrCat("</", event.name, "> closes nothing"));
  }
  ++at_;
  open_.pop_back();
  return event;
}

absl::StatusOr<XmlEvent> XmlReader::Tag() {
  if (open_.empty() && had_root_) return Error("more than one root");
  ++at_;  // <
  XmlEvent event;
  event.kind = XmlEvent::kStart;
  event.name = Name();
  if (event.name.empty()) return Error("a < that starts no tag");
  if (open_.size() >= kDeepest) return Error("nested too deep");
  while (true) {
    SkipSpaces();
    if (Starts(">") || Starts("/>")) break;
    const absl::Status status = Attribute(event);
    if (!status.ok()) return status;
  }
  ends_ = Starts("/>");
  at_ += ends_ ? 2 : 1;
  had_root_ = true;
  open_.push_back(event.name);
  return event;
}

absl::StatusOr<XmlEvent> XmlReader::Next() {
  XmlEvent event;
  if (ends_) {
    ends_ = false;
    event.kind = XmlEvent::kEnd;
    event.name = open_.back();
    open_.pop_back();
    return event;
  }
  absl::Status skipped;
  while (skipped.ok() && at_ < text_.size()) {
    if (Starts("<!--")) {
      skipped = SkipBehind("-->");
    } else if (Starts("<?")) {
      skipped = SkipBehind("?>");
    } else if (Starts("<!DOCTYPE")) {
      const size_t start = at_;
      skipped = SkipBehind(">");
      if (text_.substr(start, at_ - start).find('[') !=
          absl::string_view::npos) {
        return Error("a document type with declarations");
      }
    } else if (Starts("<![CDATA[")) {
      const size_t start = at_ + 9;
      skipped = SkipBehind("]]>");
      if (!skipped.ok()) break;
      event.kind = XmlEvent::kText;
      event.text = std::string(text_.substr(start, at_ - 3 - start));
      return event;
    } else if (Starts("</")) {
      return EndTag();
    } else if (Starts("<")) {
      return Tag();
    } else {
      const size_t end = std::min(text_.find('<', at_), text_.size());
      absl::StatusOr<std::string> text = Resolve(text_.substr(at_, end - at_));
      if (!text.ok()) return text.status();
      at_ = end;
      event.kind = XmlEvent::kText;
      event.text = *std::move(text);
      return event;
    }
  }
  if (!skipped.ok()) return skipped;
  if (!open_.empty()) {
    return Error(absl::StrCat("<", open_.back(), "> is not closed"));
  }
  if (!had_root_) return Error("no element");
  return event;
}

}  // namespace polarize
