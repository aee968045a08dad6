#include "experiments/pretrained/text/line_prompts.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/text/json_line.h"
#include "experiments/pretrained/text/line_file.h"

namespace polarize {
namespace {

bool IsBlank(absl::string_view line) {
  return line.find_first_not_of(" \t\r") == absl::string_view::npos;
}

// What both formats have in common.
class LinePrompts : public PromptReader {
 public:
  explicit LinePrompts(LineFile file) : file_(std::move(file)) {}

  absl::StatusOr<bool> Next() final {
    place_ = {};
    texts_.clear();
    const absl::StatusOr<bool> more = Read();
    first_ += texts_.size();
    return more;
  }
  void Seek(const RecordPlace& place, uint64_t first) final {
    file_.Seek(place.start, place.number);
    first_ = first;
  }

  RecordPlace place() const final { return place_; }
  size_t size() const final { return texts_.size(); }
  std::string Text(size_t i) const final { return texts_[i]; }
  std::string Name(const RecordPlace& place,
                   uint64_t /*document*/) const final {
    return absl::StrCat(file_.path(), ":", place.number);
  }

 protected:
  // Reads on into place_ and texts_; false at the end of the file.
  virtual absl::StatusOr<bool> Read() = 0;

  void StartHere() { place_ = {file_.start(), file_.number()}; }

  template <typename... Parts>
  absl::Status Error(const Parts&... rule) const {
    return absl::InvalidArgumentError(
        absl::StrCat(Name(place_, first_), ": ", rule...));
  }

  LineFile file_;
  RecordPlace place_;
  std::vector<std::string> texts_;
  uint64_t first_ = 0;  // index of the next document
};

class TextPrompts : public LinePrompts {
 public:
  using LinePrompts::LinePrompts;

 private:
  absl::StatusOr<bool> Read() override {
    std::string text;
    uint64_t lines = 0;
    for (;;) {
      const absl::StatusOr<bool> more = file_.Next();
      if (!more.ok()) return more;
      const bool blank = !*more || IsBlank(file_.line());
      if (!*more && lines == 0) return false;
      if (blank && lines == 0) continue;
      if (blank) break;
      if (lines++ == 0) {
        StartHere();
      } else {
        text += '\n';
      }
      text += file_.line();
      if (text.size() > kMaxDocumentBytes) {
        return Error("a document of more than ", kMaxDocumentBytes,
                     " bytes; blank lines separate documents");
      }
    }
    texts_.push_back(std::move(text));
    return true;
  }
};

class JsonPrompts : public LinePrompts {
 public:
  using LinePrompts::LinePrompts;

 private:
  absl::StatusOr<bool> Read() override {
    do {
      const absl::StatusOr<bool> more = file_.Next();
      if (!more.ok()) return more;
      if (!*more) return AtTheEnd();
    } while (IsBlank(file_.line()));
    StartHere();
    absl::StatusOr<JsonDocuments> documents = ParseJsonLine(file_.line());
    if (!documents.ok()) return Error(documents.status().message());
    if (documents->is_page && !documents->texts.empty() &&
        documents->first_row != first_) {
      return Error("a page that starts with row ", documents->first_row,
                   " where row ", first_, " should follow");
    }
    if (documents->rows_in_all > 0) rows_in_all_ = documents->rows_in_all;
    texts_ = std::move(documents->texts);
    return true;
  }

  absl::StatusOr<bool> AtTheEnd() const {
    if (rows_in_all_ == 0 || rows_in_all_ == first_) return false;
    return absl::InvalidArgumentError(
        absl::StrCat(file_.path(), ": ", first_, " rows of a data set of ",
                     rows_in_all_, ": pages are missing"));
  }

  uint64_t rows_in_all_ = 0;  // as pages say; 0: none did
};

template <class Reader>
absl::StatusOr<std::unique_ptr<PromptReader>> OpenAs(const std::string& path) {
  absl::StatusOr<LineFile> file = LineFile::Open(path);
  if (!file.ok()) return file.status();
  return std::make_unique<Reader>(*std::move(file));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PromptReader>> OpenTextPrompts(
    const std::string& path) {
  return OpenAs<TextPrompts>(path);
}

absl::StatusOr<std::unique_ptr<PromptReader>> OpenJsonPrompts(
    const std::string& path) {
  return OpenAs<JsonPrompts>(path);
}

}  // namespace polarize
