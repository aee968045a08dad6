#include "experiments/pretrained/text/parquet/page_header.h"

#include <array>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/parquet/compact.h"

namespace polarize {
namespace {

// As parquet.thrift numbers them.
constexpr std::array<const char*, 10> kEncodings = {"PLAIN",
                                                    "encoding 1",
                                                    "PLAIN_DICTIONARY",
                                                    "RLE",
                                                    "BIT_PACKED",
                                                    "DELTA_BINARY_PACKED",
                                                    "DELTA_LENGTH_BYTE_ARRAY",
                                                    "DELTA_BYTE_ARRAY",
                                                    "RLE_DICTIONARY",
                                                    "BYTE_STREAM_SPLIT"};
constexpr int64_t kPlain = 0, kPlainDictionary = 2, kRle = 3,
                  kRleDictionary = 8;
constexpr int64_t kData = 0, kDictionary = 2, kDataV2 = 3;

template <typename... Parts>
absl::Status Error(const Parts&... rule) {
  return absl::InvalidArgumentError(absl::StrCat(rule...));
}

// PageHeader and the header that is in it; -1: missing.
struct RawHeader {
  void Read(CompactReader* reader);
  void ReadData(CompactReader* reader);
  void ReadDictionary(CompactReader* reader);
  void ReadDataV2(CompactReader* reader);

  int64_t kind = -1;
  int64_t unpacked_bytes = -1;
  int64_t bytes = -1;
  int64_t values = -1;
  int64_t encoding = -1;
  int64_t level_encoding = kRle;
  int64_t definition_bytes = 0;
  int64_t repetition_bytes = 0;
  int64_t rows = -1;
  bool is_compressed = true;
};

void RawHeader::Read(CompactReader* reader) {
  for (CompactFields f(reader); f.Next();) {
    switch (f.id()) {
      case 1:
        kind = f.Integer();
        break;
      case 2:
        unpacked_bytes = f.Integer();
        break;
      case 3:
        bytes = f.Integer();
        break;
      case 5:
        if (f.IsStruct()) ReadData(reader);
        break;
      case 7:
        if (f.IsStruct()) ReadDictionary(reader);
        break;
      case 8:
        if (f.IsStruct()) ReadDataV2(reader);
        break;
      default:
        f.Skip();
    }
  }
}

void RawHeader::ReadData(CompactReader* reader) {
  for (CompactFields f(reader); f.Next();) {
    switch (f.id()) {
      case 1:
        values = f.Integer();
        break;
      case 2:
        encoding = f.Integer();
        break;
      case 3:
        level_encoding = f.Integer();
        break;
      default:
        f.Skip();
    }
  }
}

void RawHeader::ReadDictionary(CompactReader* reader) {
  for (CompactFields f(reader); f.Next();) {
    switch (f.id()) {
      case 1:
        values = f.Integer();
        break;
      case 2:
        encoding = f.Integer();
        break;
      default:
        f.Skip();
    }
  }
}

void RawHeader::ReadDataV2(CompactReader* reader) {
  for (CompactFields f(reader); f.Next();) {
    switch (f.id()) {
      case 1:
        values = f.Integer();
        break;
      case 3:
        rows = f.Integer();
        break;
      case 4:
        encoding = f.Integer();
        break;
      case 5:
        definition_bytes = f.Integer();
        break;
      case 6:
        repetition_bytes = f.Integer();
        break;
      case 7:
        is_compressed = f.Bool();
        break;
      default:
        f.Skip();
    }
  }
}

bool IsWithin(int64_t value, size_t most) {
  return value >= 0 && static_cast<uint64_t>(value) <= most;
}

absl::Status CheckSizes(const RawHeader& raw) {
  constexpr size_t kMaxBytes = PageHeader::kMaxBytes;
  if (!IsWithin(raw.bytes, kMaxBytes) ||
      !IsWithin(raw.unpacked_bytes, kMaxBytes)) {
    return Error("a page of ", raw.bytes, " bytes, unpacked ",
                 raw.unpacked_bytes, "; at most ", kMaxBytes);
  }
  if (!IsWithin(raw.values, PageHeader::kMaxValues)) {
    return Error("a page of ", raw.values, " values; at most ",
                 PageHeader::kMaxValues);
  }
  return absl::OkStatus();
}

// Texts that may not be repeated have no repetition levels.
absl::Status CheckDataV2(const RawHeader& raw) {
  if (raw.repetition_bytes != 0) return Error("a page of repeated texts");
  if (raw.rows != raw.values) {
    return Error("a page of ", raw.rows, " rows with ", raw.values, " values");
  }
  if (raw.definition_bytes < 0 || raw.definition_bytes > raw.bytes ||
      raw.definition_bytes > raw.unpacked_bytes) {
    return Error("a page smaller than its definition levels");
  }
  return absl::OkStatus();
}

const char* EncodingName(int64_t encoding) {
  const bool known =
      encoding >= 0 && encoding < static_cast<int64_t>(kEncodings.size());
  return known ? kEncodings[encoding] : "an unknown encoding";
}

absl::Status CheckEncodings(const RawHeader& raw) {
  const bool from_dictionary =
      raw.encoding == kPlainDictionary || raw.encoding == kRleDictionary;
  // A dictionary is plain itself, under either name.
  const bool is_inside_out =
      raw.kind == kDictionary && raw.encoding == kRleDictionary;
  if ((raw.encoding != kPlain && !from_dictionary) || is_inside_out) {
    return Error("a page encoded as ", EncodingName(raw.encoding),
                 "; only PLAIN and dictionaries are read");
  }
  if (raw.level_encoding != kRle) {
    return Error("definition levels encoded as ",
                 EncodingName(raw.level_encoding), "; only RLE is read");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PageHeader> ParsePageHeader(absl::string_view bytes) {
  CompactReader reader(bytes);
  RawHeader raw;
  raw.Read(&reader);
  if (!reader.ok()) return Error("a page's header: ", reader.rule());
  if (raw.kind != kData && raw.kind != kDictionary && raw.kind != kDataV2) {
    return Error("a page of kind ", raw.kind);
  }
  absl::Status status = CheckSizes(raw);
  if (status.ok()) status = CheckEncodings(raw);
  if (status.ok() && raw.kind == kDataV2) status = CheckDataV2(raw);
  if (!status.ok()) return status;
  PageHeader header;
  header.kind = static_cast<PageHeader::Kind>(raw.kind);
  header.header_bytes = bytes.size() - reader.left();
  header.bytes = static_cast<size_t>(raw.bytes);
  header.unpacked_bytes = static_cast<size_t>(raw.unpacked_bytes);
  header.values = static_cast<size_t>(raw.values);
  header.encoding = raw.encoding == kPlain ? PageHeader::Encoding::kPlain
                                           : PageHeader::Encoding::kDictionary;
  if (raw.kind == kDataV2) {
    header.level_bytes = static_cast<size_t>(raw.definition_bytes);
    header.is_compressed = raw.is_compressed;
  }
  return header;
}

}  // namespace polarize
