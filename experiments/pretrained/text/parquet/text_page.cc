#include "experiments/pretrained/text/parquet/text_page.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/parquet/rle_hybrid.h"
#include "experiments/pretrained/text/prompt_reader.h"
#include "experiments/pretrained/text/utf8.h"
#include "snappy.h"

namespace polarize {
namespace {

// Snappy's best is 64 bytes for 3 (format_description.txt, "copies").
constexpr size_t kMostOfSnappy = 22;

template <typename... Parts>
absl::Status Error(const Parts&... rule) {
  return absl::InvalidArgumentError(absl::StrCat(rule...));
}

// Takes four bytes, the low one first, off the start.
bool TakeLength(absl::string_view* rest, uint32_t* length) {
  if (rest->size() < 4) return false;
  *length = 0;
  for (int i = 0; i < 4; ++i) {
    *length |= uint32_t{static_cast<uint8_t>((*rest)[i])} << (8 * i);
  }
  rest->remove_prefix(4);
  return true;
}

// Takes the definition levels, which precede their length, off the start.
bool TakeLevels(absl::string_view* rest, absl::string_view* levels) {
  uint32_t length;
  if (!TakeLength(rest, &length) || length > rest->size()) return false;
  *levels = rest->substr(0, length);
  rest->remove_prefix(length);
  return true;
}

// A level of 1 is a text, one of 0 a null.
absl::Status CheckLevels(absl::string_view levels, size_t count,
                         uint64_t first_row) {
  std::vector<uint32_t> numbers;
  const absl::Status status = DecodeRleHybrid(levels, 1, count, &numbers);
  if (!status.ok()) return Error("definition levels: ", status.message());
  const auto null = std::find(numbers.begin(), numbers.end(), 0u);
  if (null == numbers.end()) return absl::OkStatus();
  return Error("row ",
               first_row + static_cast<uint64_t>(null - numbers.begin()),
               " is null");
}

}  // namespace

absl::StatusOr<std::string> Unpack(Codec codec, std::string bytes,
                                   size_t size) {
  if (codec == Codec::kUncompressed) {
    if (bytes.size() == size) return bytes;
    return Error("a page of ", bytes.size(), " bytes that claims ", size);
  }
  // Nothing may be written as nothing.
  if (bytes.empty() && size == 0) return bytes;
  size_t actual = 0;
  if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &actual) ||
      actual != size || size / kMostOfSnappy > bytes.size()) {
    return Error("a compressed page that lies about its size");
  }
  std::string unpacked(size, '\0');
  if (!snappy::RawUncompress(bytes.data(), bytes.size(), &unpacked[0])) {
    return Error("a compressed page that is damaged");
  }
  return unpacked;
}

void TextPage::Clear() {
  texts_.clear();
  bytes_.clear();
}

absl::Status TextPage::TakePlain(absl::string_view rest, size_t count,
                                 absl::string_view what, uint64_t first) {
  // Each has four bytes for its length.
  if (count > rest.size() / 4) return Error("a page that is cut");
  texts_.reserve(count);
  for (uint64_t i = first; texts_.size() < count; ++i) {
    uint32_t length;
    if (!TakeLength(&rest, &length) || length > rest.size()) {
      return Error(what, i, " is cut");
    }
    if (length > PromptReader::kMaxDocumentBytes) {
      return Error(what, i, " has more than ", PromptReader::kMaxDocumentBytes,
                   " bytes");
    }
    texts_.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
    if (!IsUtf8(texts_.back())) return Error(what, i, " is not UTF-8");
  }
  return rest.empty() ? absl::OkStatus()
                      : Error("a page with more than its texts");
}

absl::Status TextPage::TakeIndices(absl::string_view rest, size_t count,
                                   const TextPage& dictionary) {
  if (count == 0 && rest.empty()) return absl::OkStatus();
  if (rest.empty()) return Error("a page that is cut");
  const int width = static_cast<uint8_t>(rest.front());
  rest.remove_prefix(1);
  std::vector<uint32_t> indices;
  const absl::Status status = DecodeRleHybrid(rest, width, count, &indices);
  if (!status.ok()) return Error("indices: ", status.message());
  texts_.reserve(count);
  for (const uint32_t index : indices) {
    if (index >= dictionary.texts_.size()) {
      return Error("index ", index, " into a dictionary of ",
                   dictionary.texts_.size(), " texts");
    }
    texts_.push_back(dictionary.texts_[index]);
  }
  return absl::OkStatus();
}

absl::Status TextPage::DecodeDictionary(const PageHeader& header, Codec codec,
                                        std::string bytes) {
  Clear();
  absl::StatusOr<std::string> unpacked =
      Unpack(codec, std::move(bytes), header.unpacked_bytes);
  if (!unpacked.ok()) return unpacked.status();
  bytes_ = *std::move(unpacked);
  return TakePlain(bytes_, header.values, "the dictionary's text ", 0);
}

absl::Status TextPage::DecodeData(const PageHeader& header, Codec codec,
                                  bool optional, const TextPage& dictionary,
                                  uint64_t first_row, std::string bytes) {
  Clear();
  // The second version has the levels in front, not compressed.
  const std::string levels_in_front = bytes.substr(0, header.level_bytes);
  bytes.erase(0, header.level_bytes);
  absl::StatusOr<std::string> unpacked =
      Unpack(header.is_compressed ? codec : Codec::kUncompressed,
             std::move(bytes), header.unpacked_bytes - header.level_bytes);
  if (!unpacked.ok()) return unpacked.status();
  bytes_ = *std::move(unpacked);
  absl::string_view rest = bytes_;
  absl::string_view levels = levels_in_front;
  if (optional) {
    if (header.kind == PageHeader::Kind::kData && !TakeLevels(&rest, &levels)) {
      return Error("definition levels that are cut");
    }
    const absl::Status status = CheckLevels(levels, header.values, first_row);
    if (!status.ok()) return status;
  } else if (!levels.empty()) {
    return Error("definition levels in a column without nulls");
  }
  return header.encoding == PageHeader::Encoding::kPlain
             ? TakePlain(rest, header.values, "row ", first_row)
             : TakeIndices(rest, header.values, dictionary);
}

}  // namespace polarize
