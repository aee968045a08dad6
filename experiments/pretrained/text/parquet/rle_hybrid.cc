#include "experiments/pretrained/text/parquet/rle_hybrid.h"

#include <algorithm>

namespace polarize {
namespace {

class Decoder {
 public:
  Decoder(absl::string_view bytes, int width, size_t count,
          std::vector<uint32_t>* numbers)
      : rest_(bytes), width_(width), count_(count), numbers_(numbers) {}

  // What is wrong, or null.
  const char* Decode() {
    while (left() > 0) {
      uint32_t header;
      if (!TakeHeader(&header)) return "a run without a length";
      const uint32_t length = header >> 1;
      const bool good = header & 1 ? TakePacked(length) : TakeRun(length);
      if (!good) return "a run that is cut or too long";
    }
    return rest_.empty() ? nullptr : "more follows the last number";
  }

 private:
  size_t left() const { return count_ - numbers_->size(); }

  // 32 bits, the low ones first, seven in a byte.
  bool TakeHeader(uint32_t* header) {
    uint64_t value = 0;
    for (int shift = 0; shift < 35 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        *header = static_cast<uint32_t>(value);
        return value <= UINT32_MAX;
      }
    }
    return false;
  }

  // The same number `length` times; it has the bytes that its width needs.
  bool TakeRun(uint32_t length) {
    const size_t bytes = (static_cast<size_t>(width_) + 7) / 8;
    if (length > left() || bytes > rest_.size()) return false;
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; ++i) {
      number |= uint64_t{static_cast<uint8_t>(rest_[i])} << (8 * i);
    }
    rest_.remove_prefix(bytes);
    if (number >> width_ != 0) return false;
    numbers_->insert(numbers_->end(), length, static_cast<uint32_t>(number));
    return true;
  }

  // `groups` times eight numbers, from the low bits of each byte up. The last
  // group may be longer than what is left.
  bool TakePacked(uint32_t groups) {
    const size_t bytes = size_t{groups} * static_cast<size_t>(width_);
    if (bytes > rest_.size() || groups > (left() + 7) / 8) return false;
    const uint64_t mask = (uint64_t{1} << width_) - 1;
    uint64_t bits = 0;
    int held = 0;
    size_t at = 0;
    for (size_t i = std::min(size_t{groups} * 8, left()); i > 0; --i) {
      while (held < width_) {
        bits |= uint64_t{static_cast<uint8_t>(rest_[at++])} << held;
        held += 8;
      }
      numbers_->push_back(static_cast<uint32_t>(bits & mask));
      bits >>= width_;
      held -= width_;
    }
    rest_.remove_prefix(bytes);
    return true;
  }

  absl::string_view rest_;
  const int width_;
  const size_t count_;
  std::vector<uint32_t>* const numbers_;
};

}  // namespace

absl::Status DecodeRleHybrid(absl::string_view bytes, int width, size_t count,
                             std::vector<uint32_t>* numbers) {
  if (width < 0 || width > 32) {
    return absl::InvalidArgumentError("numbers of more than 32 bits");
  }
  numbers->clear();
  numbers->reserve(count);
  const char* const rule = Decoder(bytes, width, count, numbers).Decode();
  return rule == nullptr ? absl::OkStatus() : absl::InvalidArgumentError(rule);
}

}  // namespace polarize
