// The documents in a file that the user names with --prompts.
//
//   NAME.txt      blank lines separate documents; other line ends are part of
//                 them. Lines of nothing but spaces, tabs and carriage returns
//                 count as blank. Any bytes.
//   NAME.jsonl    one JSON object a line, as json_line.h has it: a document, or
//                 a page of them. Empty lines are skipped.
//   NAME.parquet  the rows of a column "text", as parquet/parquet_prompts.h has
//                 it.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/pretrained/text/prompt_reader.h"

namespace polarize {

// Knows where each document lies (24 bytes of memory for each) and reads it
// again when it is asked for: one line, document or page is held at a time.
// Errors start with "FILE:LINE: ", of Parquet with "FILE: " and row group or
// row.
class PromptFile {
 public:
  static constexpr size_t kMaxDocuments = size_t{1} << 24;
  static constexpr size_t kMaxDocumentBytes = PromptReader::kMaxDocumentBytes;

  // Reads the file to its end. Whatever is wrong anywhere in it is an error:
  // the order in which a sample takes documents depends on how many there are.
  // So are no documents, and pages that are not all of their data set.
  static absl::StatusOr<PromptFile> Open(const std::string& path);

  size_t size() const { return places_.size(); }

  // Document i < size(). The last line or page is kept: asking for documents in
  // their order reads each page once.
  absl::StatusOr<std::string> Text(size_t i);

  // "FILE:LINE" where it starts; of Parquet "FILE: row N", from 0.
  std::string Place(size_t i) const;

 private:
  struct Where {
    RecordPlace record;
    uint32_t part;  // of those that it holds
  };

  explicit PromptFile(std::unique_ptr<PromptReader> reader);
  absl::Status AddRecord();
  absl::Status Scan();
  bool IsRead(const RecordPlace& record) const;

  std::unique_ptr<PromptReader> reader_;
  std::vector<Where> places_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FILE_H_
