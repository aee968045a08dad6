// The documents in a file that the user names with --prompts.
//
//   NAME.txt    blank lines separate documents; other line ends are part of
//               them. Lines of nothing but spaces, tabs and carriage returns
//               count as blank. Any bytes.
//   NAME.jsonl  one JSON object a line, as json_line.h has it: a document, or a
//               page of them. Empty lines are skipped.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/pretrained/text/json_line.h"
#include "experiments/pretrained/text/line_file.h"

namespace polarize {

// Knows where each document lies (24 bytes of memory for each) and reads it
// again when it is asked for: one line or document is held at a time. Errors
// start with "FILE:LINE: ".
class PromptFile {
 public:
  static constexpr size_t kMaxDocuments = size_t{1} << 24;
  static constexpr size_t kMaxDocumentBytes = LineFile::kMaxLineBytes;

  // Reads the file to its end. Whatever is wrong anywhere in it is an error:
  // the order in which a sample takes documents depends on how many there are.
  // So are no documents, and pages that are not all of their data set.
  static absl::StatusOr<PromptFile> Open(const std::string& path);

  size_t size() const { return places_.size(); }

  // Document i < size(). The last line or page is kept: asking for documents in
  // their order reads each page once.
  absl::StatusOr<std::string> Text(size_t i);

  // "FILE:LINE" where it starts.
  std::string Place(size_t i) const;

 private:
  enum class Format { kText, kJsonLines };
  // What starts at one line: a document, or a page of them.
  struct Record {
    uint64_t start = 0;
    uint64_t line = 0;
    JsonDocuments documents;
  };
  struct Where {
    uint64_t start;
    uint64_t line;
    uint32_t part;  // of those that start there
  };

  PromptFile(LineFile file, Format format);
  // Reads on into last_; false at the end of the file.
  absl::StatusOr<bool> Next();
  absl::StatusOr<bool> NextText();
  absl::StatusOr<bool> NextJson();
  absl::Status AddLast();
  absl::Status Scan();
  absl::Status Error(uint64_t line, const std::string& rule) const;

  LineFile file_;
  Format format_;
  std::vector<Where> places_;
  Record last_;               // that was read
  uint64_t rows_in_all_ = 0;  // as pages say; 0: none did
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_FILE_H_
