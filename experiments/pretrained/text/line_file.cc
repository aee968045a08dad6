#include "experiments/pretrained/text/line_file.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;

}  // namespace

LineFile::LineFile(InputFile file) : file_(std::move(file)) {}

absl::StatusOr<LineFile> LineFile::Open(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.status();
  return LineFile(*std::move(file));
}

absl::StatusOr<bool> LineFile::Fill() {
  const absl::Status status = file_.Read(buffer_end_, kBufferBytes, &buffer_);
  if (!status.ok()) return status;
  used_ = 0;
  buffer_end_ += buffer_.size();
  return !buffer_.empty();
}

absl::StatusOr<bool> LineFile::Next() {
  line_.clear();
  start_ = buffer_end_ - (buffer_.size() - used_);
  bool any = false;
  for (;;) {
    if (used_ == buffer_.size()) {
      const absl::StatusOr<bool> more = Fill();
      if (!more.ok()) return more;
      if (!*more) break;
    }
    any = true;
    const size_t end = std::min(buffer_.find('\n', used_), buffer_.size());
    if (line_.size() + (end - used_) > kMaxLineBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path(), ":", number_ + 1,
                                                     ": a line of more than ",
                                                     kMaxLineBytes, " bytes"));
    }
    line_.append(buffer_, used_, end - used_);
    used_ = std::min(end + 1, buffer_.size());
    if (end < buffer_.size()) break;
  }
  number_ += any;
  return any;
}

void LineFile::Seek(uint64_t start, uint64_t number) {
  buffer_.clear();
  used_ = 0;
  buffer_end_ = start;
  number_ = number - 1;
}

}  // namespace polarize
