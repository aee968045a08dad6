#include "experiments/pretrained/text/parquet/schema.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/text/name_list.h"

namespace polarize {
namespace {

// As parquet.thrift numbers them.
constexpr int64_t kByteArray = 6;
constexpr int64_t kRequired = 0, kOptional = 1, kRepeated = 2;
constexpr int64_t kUtf8 = 0;         // of ConvertedType, the older mark
constexpr int64_t kLogicalText = 1;  // of LogicalType

template <typename... Parts>
absl::Status Error(const Parts&... rule) {
  return absl::InvalidArgumentError(absl::StrCat(rule...));
}

}  // namespace

struct Schema::Element {
  explicit Element(CompactReader* reader);

  bool is_group() const { return type < 0; }

  absl::string_view name;
  int64_t type = -1;
  int64_t repetition = -1;
  int64_t members = 0;
  bool is_text = false;
};

Schema::Element::Element(CompactReader* reader) {
  for (CompactFields f(reader); f.Next();) {
    switch (f.id()) {
      case 1:
        type = f.Integer();
        break;
      case 3:
        repetition = f.Integer();
        break;
      case 4:
        name = f.Binary();
        break;
      case 5:
        members = f.Integer();
        break;
      case 6:
        is_text |= f.Integer() == kUtf8;
        break;
      case 10:
        if (!f.IsStruct()) break;
        for (CompactFields kind(reader); kind.Next(); kind.Skip()) {
          is_text |= kind.id() == kLogicalText;
        }
        break;
      default:
        f.Skip();
    }
  }
}

absl::Status Schema::CheckText(const Element& element) {
  if (found_) return Error("two columns \"text\"");
  if (element.is_group()) return Error("column text: a group of columns");
  if (element.repetition == kRepeated) {
    return Error("column text: repeated; one text a row is read");
  }
  if (element.repetition != kRequired && element.repetition != kOptional) {
    return Error("column text: neither required nor optional");
  }
  if (element.type != kByteArray || !element.is_text) {
    return Error("column text: of another type than text (STRING)");
  }
  found_ = true;
  text_leaf_ = leaves_;
  optional_ = element.repetition == kOptional;
  return absl::OkStatus();
}

absl::Status Schema::Add(const Element& element) {
  while (!members_left_.empty() && members_left_.back() == 0) {
    members_left_.pop_back();
  }
  if (members_left_.empty()) return Error("a schema with columns too many");
  --members_left_.back();
  if (members_left_.size() == 1) {
    if (top_level_.size() < 10) {
      top_level_.push_back(absl::Utf8SafeCHexEscape(element.name));
    }
    if (element.name == "text") {
      const absl::Status status = CheckText(element);
      if (!status.ok()) return status;
    }
  }
  if (!element.is_group()) {
    ++leaves_;
  } else if (element.members < 0) {
    return Error("a schema with a negative number of columns");
  } else {
    members_left_.push_back(element.members);
  }
  return absl::OkStatus();
}

absl::Status Schema::AtTheEnd() const {
  for (const int64_t left : members_left_) {
    if (left > 0) return Error("a schema with columns too few");
  }
  if (found_) return absl::OkStatus();
  return Error("no column \"text\" (there are: ", NameList(top_level_), ")");
}

absl::Status Schema::Read(size_t count, CompactReader* reader) {
  for (size_t i = 0; i < count; ++i) {
    const Element element(reader);
    if (!reader->ok()) return absl::OkStatus();  // the caller's to report
    if (i == 0) {
      if (!element.is_group() || element.members < 0) {
        return Error("a schema without a root");
      }
      members_left_.push_back(element.members);
      continue;
    }
    const absl::Status status = Add(element);
    if (!status.ok()) return status;
  }
  return AtTheEnd();
}

}  // namespace polarize
