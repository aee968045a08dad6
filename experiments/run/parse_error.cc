#include "experiments/run/parse_error.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/run/field_path.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace polarize {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::io::Tokenizer;

class IgnoreErrors : public ::google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, int, const std::string&) override {}
};

struct Place {
  int line = 0;
  int column = 0;
};

// Follows the text's tokens and knows which field they belong to.
class FieldFollower {
 public:
  enum class Next { kField, kColon, kValue, kList };

  // Takes one token in.
  void Take(const Tokenizer::Token& token) {
    switch (next_) {
      case Next::kField:
        return TakeField(token);
      case Next::kColon:
        if (token.text == ":") {
          next_ = Next::kValue;
          return;
        }
        [[fallthrough]];
      case Next::kValue:
        return TakeValue(token);
      case Next::kList:
        if (token.text == "]") next_ = Next::kField;
        if (IsOpening(token)) Enter();
    }
  }

  Next next() const { return next_; }

  // The innermost open block's path, empty outside of all.
  std::string Block() const { return absl::StrJoin(blocks_, "."); }

  // The last field's path, place and, once begun, value.
  std::string Path() const {
    return blocks_.empty() ? name_ : absl::StrCat(Block(), ".", name_);
  }
  Place place() const { return place_; }
  const std::string& value() const { return value_; }

  // Where the last field's path was met before; null if it was not.
  const Place* Before() const {
    const auto found = first_.find(Path());
    return found == first_.end() || (found->second.line == place_.line &&
                                     found->second.column == place_.column)
               ? nullptr
               : &found->second;
  }

 private:
  static bool IsOpening(const Tokenizer::Token& token) {
    return token.text == "{" || token.text == "<";
  }

  void TakeField(const Tokenizer::Token& token) {
    if (token.text == "}" || token.text == ">") {
      if (!blocks_.empty()) blocks_.pop_back();
    } else if (token.type == Tokenizer::TYPE_IDENTIFIER) {
      name_ = token.text;
      place_ = {token.line, token.column};
      value_.clear();
      first_.emplace(Path(), place_);
      next_ = Next::kColon;
    }
  }

  void TakeValue(const Tokenizer::Token& token) {
    if (IsOpening(token)) return Enter();
    if (token.text != "[") value_ += token.text;
    next_ = token.text == "["   ? Next::kList
            : token.text == "-" ? Next::kValue
                                : Next::kField;
  }

  void Enter() {
    blocks_.push_back(name_);
    next_ = Next::kField;
  }

  std::vector<std::string> blocks_;
  std::string name_;
  std::string value_;
  Place place_;
  std::map<std::string, Place> first_;
  Next next_ = Next::kField;
};

std::string Located(const ConfigText& text, Place place) {
  return absl::StrCat(text.file, ":", place.line + 1, ":", place.column + 1,
                      ": ");
}

std::string PlainSentence(const std::string& message) {
  std::string sentence = message;
  if (!sentence.empty()) sentence[0] = absl::ascii_tolower(sentence[0]);
  if (absl::EndsWith(sentence, ".")) sentence.pop_back();
  return sentence;
}

// An error at `place` that is not about one field's value.
std::string ExplainSyntax(const ConfigText& text, Place place,
                          const FieldFollower& fields, bool at_end,
                          const std::string& message) {
  const bool in_field = fields.next() != FieldFollower::Next::kField;
  const std::string path = in_field ? fields.Path() : fields.Block();
  if (at_end && !in_field && !path.empty()) {
    return absl::StrCat(Located(text, place), path,
                        ": the file ends before this block's \"}\"");
  }
  return absl::StrCat(
      Located(text, place), path, path.empty() ? "" : ": ",
      PlainSentence(at_end ? "The file ends in mid-field" : message));
}

}  // namespace

std::string ExplainParserError(const ConfigText& text, const Descriptor& type,
                               const ParserError& error) {
  google::protobuf::io::ArrayInputStream input(
      text.text.data(), static_cast<int>(text.text.size()));
  IgnoreErrors ignore;
  Tokenizer tokens(&input, &ignore);
  // As the parser of text configs sets it.
  tokens.set_allow_f_after_float(true);
  tokens.set_comment_style(Tokenizer::SH_COMMENT_STYLE);

  FieldFollower fields;
  bool more = tokens.Next();
  while (more && std::pair(tokens.current().line, tokens.current().column) <
                     std::pair(error.line, error.column)) {
    fields.Take(tokens.current());
    more = tokens.Next();
  }

  if (absl::StrContains(error.message, "has no field named")) {
    return absl::StrCat(Located(text, fields.place()),
                        NoSuchField(type, fields.Path()));
  }
  if (absl::StrContains(error.message, "is specified multiple times")) {
    const Place* before = fields.Before();
    const int line = (before != nullptr ? *before : fields.place()).line;
    return absl::StrCat(Located(text, fields.place()), fields.Path(),
                        ": set before, in line ", line + 1);
  }
  const FieldDescriptor* field = FindField(type, fields.Path());
  const bool behind_value =
      absl::StartsWith(error.message, "Invalid value for boolean") ||
      absl::StartsWith(error.message, "Unknown enumeration value");
  const bool in_value = fields.next() == FieldFollower::Next::kValue ||
                        fields.next() == FieldFollower::Next::kList;
  if (field != nullptr && (behind_value || (in_value && more))) {
    std::string value = fields.value();
    if (!behind_value) value += tokens.current().text;
    if (value == "-" && tokens.Next()) value += tokens.current().text;
    return absl::StrCat(Located(text, fields.place()), fields.Path(), " = ",
                        Shortened(value), ": must be ", KindOfValue(*field));
  }
  return ExplainSyntax(text, {error.line, error.column}, fields, !more,
                       error.message);
}

}  // namespace polarize
