#include "experiments/pretrained/checkpoint/zstd_source.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "hwy/base.h"
#include "zstd.h"

namespace polarize {
namespace {

// 2^27 bytes, the most that compressors use unless asked.
constexpr int kWindowLog = 27;

}  // namespace

void ZstdSource::FreeContext::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

ZstdSource::ZstdSource(ByteSource& compressed)
    : compressed_(compressed),
      context_(ZSTD_createDCtx()),
      buffer_(ZSTD_DStreamInSize()) {
  HWY_ASSERT(context_ != nullptr);
  HWY_ASSERT(!ZSTD_isError(
      ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog)));
}

ZstdSource::~ZstdSource() = default;

absl::StatusOr<size_t> ZstdSource::Read(absl::Span<char> out) {
  for (;;) {
    if (begin_ == end_ && !at_end_ && !may_hold_more_) {
      const absl::StatusOr<size_t> n =
          compressed_.Read(absl::MakeSpan(buffer_));
      if (!n.ok()) return n.status();
      begin_ = 0;
      end_ = *n;
      at_end_ = *n == 0;
    }
    if (begin_ == end_ && at_end_ && !in_frame_) return 0;
    const bool had_input = begin_ < end_;
    ZSTD_inBuffer input = {buffer_.data(), end_, begin_};
    ZSTD_outBuffer output = {out.data(), out.size(), 0};
    const size_t left = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(left)) {
      return absl::DataLossError(
          absl::StrCat("damaged, or no zstd data: ", ZSTD_getErrorName(left)));
    }
    begin_ = input.pos;
    in_frame_ = left != 0;
    may_hold_more_ = in_frame_ && output.pos == output.size;
    if (output.pos > 0) return output.pos;
    if (!had_input && at_end_) {
      return absl::DataLossError("cut off: it ends inside of a zstd frame");
    }
  }
}

}  // namespace polarize
