#include "experiments/run/json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace polarize {
namespace {

// Enough for the longest double, -2.2250738585072014e-308, and any integer.
constexpr size_t kMaxNumberChars = 32;

template <typename Number>
void AppendNumber(Number value, std::string& out) {
  std::array<char, kMaxNumberChars> text;
  const std::to_chars_result end =
      std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), end.ptr);
}

// How many bytes at the start of `text` are one UTF-8 character as RFC 3629
// has it (no surrogates, nothing beyond U+10FFFF, no longer form than needed);
// 0 if they are none.
size_t Utf8Length(absl::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const int lead = byte(0);
  const int second = byte(1);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1, 2) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (lead == 0xE0 && second < 0xA0) return 0;
    if (lead == 0xED && second > 0x9F) return 0;
    return continues(1, 3) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (lead == 0xF0 && second < 0x90) return 0;
    if (lead == 0xF4 && second > 0x8F) return 0;
    return continues(1, 4) ? 4 : 0;
  }
  return 0;
}

void AppendControl(char c, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

void AppendString(absl::string_view value, std::string& out) {
  out += '"';
  while (!value.empty()) {
    const char c = value[0];
    const size_t length = Utf8Length(value);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      AppendControl(c, out);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out.append(value.data(), length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

}  // namespace

void JsonLine::StartMember(absl::string_view name) {
  if (members_.size() > 1) members_ += ',';
  AppendString(name, members_);
  members_ += ':';
}

JsonLine& JsonLine::Add(absl::string_view name, double value) {
  StartMember(name);
  if (std::isfinite(value)) {
    AppendNumber(value, members_);
  } else {
    members_ += "null";
  }
  return *this;
}

JsonLine& JsonLine::Add(absl::string_view name, bool value) {
  StartMember(name);
  members_ += value ? "true" : "false";
  return *this;
}

JsonLine& JsonLine::Add(absl::string_view name, absl::string_view value) {
  StartMember(name);
  AppendString(value, members_);
  return *this;
}

JsonLine& JsonLine::AddSigned(absl::string_view name, int64_t value) {
  StartMember(name);
  AppendNumber(value, members_);
  return *this;
}

JsonLine& JsonLine::AddUnsigned(absl::string_view name, uint64_t value) {
  StartMember(name);
  AppendNumber(value, members_);
  return *this;
}

JsonLine& JsonLine::Add(absl::string_view name,
                        absl::Span<const int64_t> values) {
  StartMember(name);
  members_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) members_ += ',';
    AppendNumber(values[i], members_);
  }
  members_ += ']';
  return *this;
}

JsonLine& JsonLine::Add(absl::string_view name, const JsonLine& value) {
  StartMember(name);
  members_ += value.members_;
  members_ += '}';
  return *this;
}

absl::string_view JsonLine::Text() {
  text_.assign(members_);
  text_ += '}';
  return text_;
}

absl::string_view JsonLine::TextWithNewline() {
  Text();
  text_ += '\n';
  return text_;
}

}  // namespace polarize
