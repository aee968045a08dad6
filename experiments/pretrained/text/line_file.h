// The lines of a text file, one at a time and from any place in it.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_LINE_FILE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_LINE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/pretrained/text/input_file.h"

namespace polarize {

// Holds one line and a piece of the file in memory, however large the file.
// Errors name file and line.
class LineFile {
 public:
  static constexpr size_t kMaxLineBytes = size_t{16} << 20;

  static absl::StatusOr<LineFile> Open(const std::string& path);

  const std::string& path() const { return file_.path(); }

  // Reads the next line; false at the end of the file. An error for a line that
  // is longer than kMaxLineBytes.
  absl::StatusOr<bool> Next();

  // Of the line read last: its bytes without the "\n", its number from 1, and
  // where in the file it starts.
  const std::string& line() const { return line_; }
  uint64_t number() const { return number_; }
  uint64_t start() const { return start_; }

  // Makes Next() read the line that starts at `start` and has this number.
  void Seek(uint64_t start, uint64_t number);

 private:
  explicit LineFile(InputFile file);
  // Reads on into the empty buffer; false at the end of the file.
  absl::StatusOr<bool> Fill();

  InputFile file_;
  std::string buffer_;
  size_t used_ = 0;          // of the buffer
  uint64_t buffer_end_ = 0;  // in the file
  std::string line_;
  uint64_t number_ = 0;
  uint64_t start_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_LINE_FILE_H_
