// What a page of a Parquet file says of itself.
//
// Source: apache/parquet-format, parquet.thrift, PageHeader.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PAGE_HEADER_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PAGE_HEADER_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

struct PageHeader {
  enum class Kind { kData = 0, kDictionary = 2, kDataV2 = 3 };
  enum class Encoding { kPlain, kDictionary };

  // Of a page unpacked, and of values in it. A row group of the largest size
  // that pyarrow makes unasked has so many rows.
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  static constexpr size_t kMaxValues = size_t{1} << 20;

  size_t header_bytes = 0;  // that it was read from
  Kind kind = Kind::kData;
  size_t bytes = 0;  // of the page in the file, after its header
  size_t unpacked_bytes = 0;
  size_t values = 0;
  Encoding encoding = Encoding::kPlain;
  // Of the second version, whose levels are never compressed.
  size_t level_bytes = 0;
  bool is_compressed = true;
};

// The header that `bytes` start with. Errors name the rule: a header that is
// cut, sizes beyond the limits or each other, kinds of pages and encodings that
// are not read here.
absl::StatusOr<PageHeader> ParsePageHeader(absl::string_view bytes);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PAGE_HEADER_H_
