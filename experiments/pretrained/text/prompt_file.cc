#include "experiments/pretrained/text/prompt_file.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/text/json_line.h"

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

// What starts at one line: a document, or a page of them.
struct PromptFile::Record {
  uint64_t start = 0;
  uint64_t line = 0;
  JsonDocuments documents;
};

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

absl::StatusOr<bool> PromptFile::NextText(Record* record) {
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
      record->start = file_.start();
      record->line = file_.number();
    } else {
      text += '\n';
    }
    text += file_.line();
    if (text.size() > kMaxDocumentBytes) {
      return Error(record->line,
                   absl::StrCat("a document of more than ", kMaxDocumentBytes,
                                " bytes; blank lines separate documents"));
    }
  }
  record->documents.texts.push_back(std::move(text));
  return true;
}

absl::StatusOr<bool> PromptFile::NextJson(Record* record) {
  do {
    const absl::StatusOr<bool> more = file_.Next();
    if (!more.ok() || !*more) return more;
  } while (IsBlank(file_.line()));
  record->start = file_.start();
  record->line = file_.number();
  absl::StatusOr<JsonDocuments> documents = ParseJsonLine(file_.line());
  if (!documents.ok()) {
    return Error(record->line, std::string(documents.status().message()));
  }
  record->documents = *std::move(documents);
  return true;
}

absl::StatusOr<bool> PromptFile::Next(Record* record) {
  *record = Record();
  return format_ == Format::kText ? NextText(record) : NextJson(record);
}

absl::Status PromptFile::Add(const Record& record) {
  const JsonDocuments& documents = record.documents;
  if (documents.is_page && !documents.texts.empty() &&
      documents.first_row != places_.size()) {
    return Error(record.line, absl::StrCat("a page that starts with row ",
                                           documents.first_row, " where row ",
                                           places_.size(), " should follow"));
  }
  if (documents.rows_in_all > 0) rows_in_all_ = documents.rows_in_all;
  if (places_.size() + documents.texts.size() > kMaxDocuments) {
    return Error(record.line,
                 absl::StrCat("more than ", kMaxDocuments, " documents"));
  }
  for (uint32_t part = 0; part < documents.texts.size(); ++part) {
    places_.push_back({record.start, record.line, part});
  }
  return absl::OkStatus();
}

absl::Status PromptFile::Scan() {
  Record record;
  for (;;) {
    const absl::StatusOr<bool> more = Next(&record);
    if (!more.ok()) return more.status();
    if (!*more) break;
    const absl::Status status = Add(record);
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
  file_.Seek(where.start, where.line);
  Record record;
  const absl::StatusOr<bool> more = Next(&record);
  if (!more.ok()) return more.status();
  if (!*more || where.part >= record.documents.texts.size()) {
    return Error(where.line, "the file has changed while it was read");
  }
  return std::move(record.documents.texts[where.part]);
}

std::string PromptFile::Place(size_t i) const {
  return absl::StrCat(file_.path(), ":", places_[i].line);
}

}  // namespace polarize
