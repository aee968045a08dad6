#include "experiments/pretrained/text/parquet/parquet_prompts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/text/input_file.h"
#include "experiments/pretrained/text/parquet/file_metadata.h"
#include "experiments/pretrained/text/parquet/page_header.h"
#include "experiments/pretrained/text/parquet/text_page.h"

namespace polarize {
namespace {

constexpr absl::string_view kMagic = "PAR1";
constexpr absl::string_view kMagicOfEncrypted = "PARE";
// After the metadata: their length and the magic bytes.
constexpr size_t kTailBytes = 8;
constexpr size_t kMaxMetadataBytes = size_t{16} << 20;
// A page's header is small, unless it holds its least and its largest text.
constexpr size_t kHeaderWindow = size_t{16} << 10;
constexpr size_t kMaxHeaderBytes = size_t{1} << 20;

absl::Status Error(const InputFile& file, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", rule));
}

absl::Status ReadExactly(const InputFile& file, uint64_t start, size_t count,
                         std::string* bytes) {
  const absl::Status status = file.Read(start, count, bytes);
  if (!status.ok() || bytes->size() == count) return status;
  return absl::InvalidArgumentError(absl::StrCat(
      "cannot read ", file.path(), ": it has become shorter meanwhile"));
}

// Where the metadata start, and how long they are.
absl::Status FindMetadata(const InputFile& file, uint64_t* start,
                          size_t* count) {
  const absl::Status none =
      Error(file, "not a Parquet file (\"PAR1\" is not at its start and end)");
  if (file.size() < kMagic.size() + kTailBytes) return none;
  std::string head, tail;
  absl::Status status = ReadExactly(file, 0, kMagic.size(), &head);
  if (status.ok()) {
    status = ReadExactly(file, file.size() - kTailBytes, kTailBytes, &tail);
  }
  if (!status.ok()) return status;
  const absl::string_view magic = absl::string_view(tail).substr(4);
  if (magic == kMagicOfEncrypted) return Error(file, "encrypted");
  if (head != kMagic || magic != kMagic) return none;
  *count = 0;
  for (int i = 0; i < 4; ++i) {
    *count |= size_t{static_cast<uint8_t>(tail[i])} << (8 * i);
  }
  if (*count > file.size() - kMagic.size() - kTailBytes) {
    return Error(file, "metadata longer than the file");
  }
  if (*count > kMaxMetadataBytes) {
    return Error(file, absl::StrCat("metadata of ", *count, " bytes; at most ",
                                    kMaxMetadataBytes));
  }
  *start = file.size() - kTailBytes - *count;
  return absl::OkStatus();
}

absl::StatusOr<TextColumn> ReadMetadata(const InputFile& file) {
  uint64_t start = 0;
  size_t count = 0;
  absl::Status status = FindMetadata(file, &start, &count);
  if (!status.ok()) return status;
  std::string bytes;
  status = ReadExactly(file, start, count, &bytes);
  if (!status.ok()) return status;
  absl::StatusOr<TextColumn> column = ParseFileMetadata(bytes, start);
  if (!column.ok()) return Error(file, column.status().message());
  return column;
}

class ParquetPrompts : public PromptReader {
 public:
  ParquetPrompts(InputFile file, TextColumn column)
      : file_(std::move(file)), column_(std::move(column)) {}

  absl::StatusOr<bool> Next() override;
  void Seek(const RecordPlace& place, uint64_t first) override;

  RecordPlace place() const override { return place_; }
  size_t size() const override { return page_.texts().size(); }
  std::string Text(size_t i) const override {
    return std::string(page_.texts()[i]);
  }
  std::string Name(const RecordPlace& /*place*/,
                   uint64_t document) const override {
    return absl::StrCat(file_.path(), ": row ", document);
  }

 private:
  const ColumnChunk& chunk() const { return column_.chunks[group_]; }
  // Goes on to the next row group that has rows, if it is its turn.
  absl::Status LeaveGroups();
  // Reads the dictionary of the row group, if it has one.
  absl::Status EnterGroup();
  absl::Status ReadPage();
  absl::StatusOr<PageHeader> ReadHeader(uint64_t at);

  InputFile file_;
  TextColumn column_;
  // The next page: its row group, place in the file (0: the row group's first)
  // and first row.
  size_t group_ = 0;
  uint64_t at_ = 0;
  uint64_t row_ = 0;
  // Of the row group that was entered last, if any.
  bool entered_ = false;
  size_t entered_group_ = 0;
  uint64_t first_page_ = 0;  // after the dictionary
  TextPage dictionary_;
  // The page that was read last.
  RecordPlace place_;
  TextPage page_;
  std::string buffer_;
};

void ParquetPrompts::Seek(const RecordPlace& place, uint64_t first) {
  group_ = place.number;
  at_ = place.start;
  row_ = first;
}

absl::StatusOr<bool> ParquetPrompts::Next() {
  place_ = {};
  page_.Clear();
  absl::Status status = LeaveGroups();
  if (!status.ok()) return status;
  if (group_ == column_.chunks.size()) return false;
  status = EnterGroup();
  if (status.ok()) status = ReadPage();
  if (!status.ok()) return Error(file_, InRowGroup(group_, status).message());
  return true;
}

absl::Status ParquetPrompts::LeaveGroups() {
  while (group_ < column_.chunks.size() && row_ == chunk().end_row()) {
    if (at_ != 0 && at_ != chunk().end()) {
      const absl::Status rule =
          absl::InvalidArgumentError("more follows its last page");
      return Error(file_, InRowGroup(group_, rule).message());
    }
    ++group_;
    at_ = 0;
  }
  return absl::OkStatus();
}

absl::Status ParquetPrompts::EnterGroup() {
  if (!entered_ || entered_group_ != group_) {
    entered_ = false;
    dictionary_.Clear();
    const uint64_t start = chunk().start;
    const absl::StatusOr<PageHeader> header = ReadHeader(start);
    if (!header.ok()) return header.status();
    first_page_ = start;
    if (header->kind == PageHeader::Kind::kDictionary) {
      const uint64_t body = start + header->header_bytes;
      first_page_ = body + header->bytes;
      std::string bytes;
      absl::Status status = ReadExactly(file_, body, header->bytes, &bytes);
      if (status.ok()) {
        status = dictionary_.DecodeDictionary(*header, chunk().codec,
                                              std::move(bytes));
      }
      if (!status.ok()) return status;
    }
    entered_ = true;
    entered_group_ = group_;
  }
  if (at_ == 0) at_ = first_page_;
  return absl::OkStatus();
}

absl::StatusOr<PageHeader> ParquetPrompts::ReadHeader(uint64_t at) {
  const uint64_t left = chunk().end() - at;
  for (uint64_t window = kHeaderWindow;; window = kMaxHeaderBytes) {
    const auto count = static_cast<size_t>(std::min(window, left));
    const absl::Status status = ReadExactly(file_, at, count, &buffer_);
    if (!status.ok()) return status;
    absl::StatusOr<PageHeader> header = ParsePageHeader(buffer_);
    if (header.ok() && header->bytes > left - header->header_bytes) {
      return absl::InvalidArgumentError("a page longer than the row group's");
    }
    if (header.ok() || count == left || window == kMaxHeaderBytes) {
      return header;
    }
  }
}

absl::Status ParquetPrompts::ReadPage() {
  if (at_ >= chunk().end()) {
    return absl::InvalidArgumentError(absl::StrCat(chunk().end_row() - row_,
                                                   " of its ", chunk().rows,
                                                   " rows are missing"));
  }
  const absl::StatusOr<PageHeader> header = ReadHeader(at_);
  if (!header.ok()) return header.status();
  if (header->kind == PageHeader::Kind::kDictionary) {
    return absl::InvalidArgumentError("a second dictionary");
  }
  if (header->values > chunk().end_row() - row_) {
    return absl::InvalidArgumentError("more rows than the row group has");
  }
  const uint64_t body = at_ + header->header_bytes;
  std::string bytes;
  absl::Status status = ReadExactly(file_, body, header->bytes, &bytes);
  if (status.ok()) {
    status = page_.DecodeData(*header, chunk().codec, column_.optional,
                              dictionary_, row_, std::move(bytes));
  }
  if (!status.ok()) return status;
  place_ = {at_, group_};
  at_ = body + header->bytes;
  row_ += header->values;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PromptReader>> OpenParquetPrompts(
    const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<TextColumn> column = ReadMetadata(*file);
  if (!column.ok()) return column.status();
  return std::make_unique<ParquetPrompts>(*std::move(file), *std::move(column));
}

}  // namespace polarize
