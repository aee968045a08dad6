// The documents of a Parquet file: the rows of its column "text".
//
// What pyarrow and the `datasets` package write is read: that column at the top
// level, of type string, required or optional, among any others; data pages of
// both versions; PLAIN and dictionaries; SNAPPY or nothing. Whatever else a
// file may hold is one error, "FILE: row group G, column text: RULE", and so is
// a null: a document is missing there. Rows come in the order that they are
// stored in.
//
// Source: apache/parquet-format 2.10. Checksums of pages are not looked at.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PARQUET_PROMPTS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PARQUET_PROMPTS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/pretrained/text/prompt_reader.h"

namespace polarize {

// A record is a data page. In memory at one time: one page and its row group's
// dictionary, each at most PageHeader::kMaxBytes, and while it is read that
// page once more; 40 bytes for each row group. While the file is opened: its
// metadata, at most 16 MiB.
absl::StatusOr<std::unique_ptr<PromptReader>> OpenParquetPrompts(
    const std::string& path);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PARQUET_PARQUET_PROMPTS_H_
