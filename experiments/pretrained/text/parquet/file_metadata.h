// What the end of a Parquet file says of its column "text".
//
// Source: apache/parquet-format, README.md and parquet.thrift (2.10).
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_FILE_METADATA_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_FILE_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

// How pages are compressed, as the format numbers it; others are not read.
enum class Codec { kUncompressed = 0, kSnappy = 1 };

// The column's part of one row group: its pages, one after the other.
struct ColumnChunk {
  uint64_t start = 0;  // in the file
  uint64_t bytes = 0;
  uint64_t first_row = 0;
  uint64_t rows = 0;
  Codec codec = Codec::kUncompressed;

  uint64_t end() const { return start + bytes; }
  uint64_t end_row() const { return first_row + rows; }
};

struct TextColumn {
  bool optional = false;  // rows may be null
  // One for each row group, in the order of rows and of bytes in the file.
  std::vector<ColumnChunk> chunks;
};

// "row group G, column text: RULE".
absl::Status InRowGroup(size_t group, const absl::Status& rule);

// The column of a file whose FileMetaData are these bytes and whose pages end
// before byte `pages_end`. Errors name the rule, and the row group if it is
// about one.
absl::StatusOr<TextColumn> ParseFileMetadata(absl::string_view bytes,
                                             uint64_t pages_end);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_FILE_METADATA_H_
