// What bytes in the zstd format (RFC 8878) hold.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZSTD_SOURCE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZSTD_SOURCE_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/pretrained/checkpoint/byte_source.h"

struct ZSTD_DCtx_s;

namespace polarize {

// Frames one after the other, with or without the size of what they hold;
// checksums that they have are checked. A frame that is damaged or ends early,
// bytes behind a frame that begin no other, and one that asks for a window of
// more than 128 MiB, as only zstd's --long makes them, are errors. Takes the
// window, some 200 kB, and nothing for the length of what is read.
class ZstdSource : public ByteSource {
 public:
  // `compressed` must outlive it.
  explicit ZstdSource(ByteSource& compressed);
  ~ZstdSource() override;

  absl::StatusOr<size_t> Read(absl::Span<char> out) override;

 private:
  struct FreeContext {
    void operator()(ZSTD_DCtx_s* context) const;
  };

  ByteSource& compressed_;
  std::unique_ptr<ZSTD_DCtx_s, FreeContext> context_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // of what was read and not looked at
  bool at_end_ = false;         // of compressed_
  bool in_frame_ = false;
  bool may_hold_more_ = false;  // output that had no room
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_CHECKPOINT_ZSTD_SOURCE_H_
