#include "experiments/pretrained/text/prompt_file.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/line_prompts.h"
#include "experiments/pretrained/text/parquet/parquet_prompts.h"

namespace polarize {
namespace {

absl::Status UnknownFormat(const std::string& path) {
  if (absl::EndsWith(path, ".zst") || absl::EndsWith(path, ".gz")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": compressed; unpack it first"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": prompts are read from files called *.txt (blank lines separate ",
      "documents), *.jsonl (one object with a field \"text\" a line) or ",
      "*.parquet (a column \"text\")"));
}

absl::StatusOr<std::unique_ptr<PromptReader>> OpenReader(
    const std::string& path) {
  if (absl::EndsWith(path, ".txt")) return OpenTextPrompts(path);
  if (absl::EndsWith(path, ".jsonl")) return OpenJsonPrompts(path);
  if (absl::EndsWith(path, ".parquet")) return OpenParquetPrompts(path);
  return UnknownFormat(path);
}

}  // namespace

PromptFile::PromptFile(std::unique_ptr<PromptReader> reader)
    : reader_(std::move(reader)) {}

absl::StatusOr<PromptFile> PromptFile::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<PromptReader>> reader = OpenReader(path);
  if (!reader.ok()) return reader.status();
  PromptFile prompts(*std::move(reader));
  const absl::Status status = prompts.Scan();
  if (!status.ok()) return status;
  if (prompts.places_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no documents"));
  }
  return prompts;
}

absl::Status PromptFile::AddRecord() {
  const RecordPlace record = reader_->place();
  if (places_.size() + reader_->size() > kMaxDocuments) {
    return absl::InvalidArgumentError(
        absl::StrCat(reader_->Name(record, places_.size()), ": more than ",
                     kMaxDocuments, " documents"));
  }
  const auto parts = static_cast<uint32_t>(reader_->size());
  for (uint32_t part = 0; part < parts; ++part) {
    places_.push_back({record, part});
  }
  return absl::OkStatus();
}

absl::Status PromptFile::Scan() {
  for (;;) {
    const absl::StatusOr<bool> more = reader_->Next();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    const absl::Status status = AddRecord();
    if (!status.ok()) return status;
  }
}

bool PromptFile::IsRead(const RecordPlace& record) const {
  const RecordPlace last = reader_->place();
  return last.start == record.start && last.number == record.number;
}

absl::StatusOr<std::string> PromptFile::Text(size_t i) {
  const Where& where = places_[i];
  if (!IsRead(where.record)) {
    reader_->Seek(where.record, i - where.part);
    const absl::StatusOr<bool> more = reader_->Next();
    if (!more.ok()) return more.status();
  }
  if (!IsRead(where.record) || where.part >= reader_->size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(i), ": the file has changed while it was read"));
  }
  return reader_->Text(where.part);
}

std::string PromptFile::Place(size_t i) const {
  return reader_->Name(places_[i].record, i);
}

}  // namespace polarize
