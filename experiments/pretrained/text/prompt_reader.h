// What prompt_file.h asks of each format of file.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_READER_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace polarize {

// Where a record lies; no record's is all zeros.
struct RecordPlace {
  uint64_t start = 0;   // in the file
  uint64_t number = 0;  // of its line, from 1, or of its row group, from 0
};

// A file as records: what lies together and is read together, a document or a
// page of them. Holds one record at a time. Errors start with the file's name.
class PromptReader {
 public:
  static constexpr size_t kMaxDocumentBytes = size_t{16} << 20;

  virtual ~PromptReader() = default;

  // Reads the next record; false at the end of the file.
  virtual absl::StatusOr<bool> Next() = 0;
  // Makes Next() read the record at `place`, whose first document has the index
  // `first` in the file.
  virtual void Seek(const RecordPlace& place, uint64_t first) = 0;

  // Of the record that Next() read, if it did: its place and documents. A page
  // may have none.
  virtual RecordPlace place() const = 0;
  virtual size_t size() const = 0;
  virtual std::string Text(size_t i) const = 0;

  // What errors call a document of the record at `place`, whose index in the
  // file is `document`: "FILE:LINE" or the like.
  virtual std::string Name(const RecordPlace& place,
                           uint64_t document) const = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_PROMPT_READER_H_
