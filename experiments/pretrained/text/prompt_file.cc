#include "experiments/pretrained/text/prompt_file.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace polarize {
namespace {

bool IsBlank(absl::string_view line) {
  return line.find_first_not_of(" \t\r") == absl::string_view::npos;
}

absl::Status UnknownFormat(const std::string& path) {
  if (absl::EndsWith(path, ".zst") || absl::EndsWith(path, ".gz")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": compressed; unpack it first"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": prompts are read from files called *.txt (blank ",
                   "lines separate documents) or *.jsonl (one object with a ",
                   "field \"text\" a line)"));
}

}  // namespace

PromptFile::PromptFile(LineFile file, Format format)
    : file_(std::move(file)), format_(format) {}

absl::StatusOr<PromptFile> PromptFile::Open(const std::string& path) {
  Format format;
  if (absl::EndsWith(path, ".txt")) {
    format = Format::kText;
  } else if (absl::EndsWith(path, ".jsonl")) {
    format = Format::kJsonLines;
  } else {
    return UnknownFormat(path);
  }
  absl::StatusOr<LineFile> file = LineFile::Open(path);
  if (!file.ok()) return file.status();
  PromptFile prompts(*std::move(file), format);
  const absl::Status status = prompts.Scan();
  if (!status.ok()) return status;
  return prompts;
}

absl::Status PromptFile::Error(uint64_t line, const std::string& rule) const {
  return absl::InvalidArgumentError(
      absl::StrCat(file_.path(), ":", line, ": ", rule));
}

absl::StatusOr<bool> PromptFile::NextText() {
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
      last_.start = file_.start();
      last_.line = file_.number();
    } else {
      text += '\n';
    }
    text += file_.line();
    if (text.size() > kMaxDocumentBytes) {
      return Error(last_.line,
                   absl::StrCat("a document of more than ", kMaxDocumentBytes,
                                " bytes; blank lines separate documents"));
    }
  }
  last_.documents.texts.push_back(std::move(text));
  return true;
}

absl::StatusOr<bool> PromptFile::NextJson() {
  do {
    const absl::StatusOr<bool> more = file_.Next();
    if (!more.ok() || !*more) return more;
  } while (IsBlank(file_.line()));
  last_.start = file_.start();
  last_.line = file_.number();
  absl::StatusOr<JsonDocuments> documents = ParseJsonLine(file_.line());
  if (!documents.ok()) {
    return Error(last_.line, std::string(documents.status().message()));
  }
  last_.documents = *std::move(documents);
  return true;
}

absl::StatusOr<bool> PromptFile::Next() {
  last_ = Record();
  return format_ == Format::kText ? NextText() : NextJson();
}

absl::Status PromptFile::AddLast() {
  const JsonDocuments& documents = last_.documents;
  if (documents.is_page && !documents.texts.empty() &&
      documents.first_row != places_.size()) {
    return Error(last_.line, absl::StrCat("a page that starts with row ",
                                          documents.first_row, " where row ",
                                          places_.size(), " should follow"));
  }
  if (documents.rows_in_all > 0) rows_in_all_ = documents.rows_in_all;
  if (places_.size() + documents.texts.size() > kMaxDocuments) {
    return Error(last_.line,
                 absl::StrCat("more than ", kMaxDocuments, " documents"));
  }
  for (uint32_t part = 0; part < documents.texts.size(); ++part) {
    places_.push_back({last_.start, last_.line, part});
  }
  return absl::OkStatus();
}

absl::Status PromptFile::Scan() {
  for (;;) {
    const absl::StatusOr<bool> more = Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    const absl::Status status = AddLast();
    if (!status.ok()) return status;
  }
  const std::string& path = file_.path();
  if (rows_in_all_ > 0 && rows_in_all_ != places_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", places_.size(), " rows of a data set of ",
                     rows_in_all_, ": pages are missing"));
  }
  if (places_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no documents"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PromptFile::Text(size_t i) {
  const Where& where = places_[i];
  if (last_.line != where.line) {
    file_.Seek(where.start, where.line);
    const absl::StatusOr<bool> more = Next();
    if (!more.ok()) return more.status();
  }
  const std::vector<std::string>& texts = last_.documents.texts;
  if (last_.line != where.line || where.part >= texts.size()) {
    return Error(where.line, "the file has changed while it was read");
  }
  return texts[where.part];
}

std::string PromptFile::Place(size_t i) const {
  return absl::StrCat(file_.path(), ":", places_[i].line);
}

}  // namespace polarize
