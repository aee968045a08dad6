#include "experiments/pretrained/checkpoint/checkpoint_testing.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "hwy/base.h"
#include "tests/support/program.h"

namespace polarize {
namespace {

constexpr uint64_t kBlockBytes = uint64_t{128} << 10;
enum BlockType : uint32_t { kStored = 0, kRepeated = 1 };

std::string LittleEndian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> (8 * i));
  }
  return text;
}

// RFC 8878, 3.1.1: magic number, descriptor, window of 128 KiB, size if any.
std::string FrameHeader(bool with_size, uint64_t size) {
  std::string header = LittleEndian(0xFD2FB528, 4);
  header += with_size ? '\xC0' : '\x00';  // eight bytes of size, or none
  header += '\x38';                       // 2^(10 + 7) bytes
  if (with_size) header += LittleEndian(size, 8);
  return header;
}

std::string BlockHeader(bool last, BlockType type, uint64_t size) {
  return LittleEndian((last ? 1 : 0) | type << 1 | size << 3, 3);
}

}  // namespace

std::string FixtureFolder(absl::string_view name) {
  return DataPath(
      absl::StrCat("experiments/pretrained/checkpoint/testdata/", name));
}

PretrainedSizes FixtureSizes() {
  PretrainedSizes sizes;
  sizes.layers = 2;
  sizes.embed_dim = 12;
  sizes.heads = 4;
  sizes.head_dim = 4;
  sizes.ffn_dim = 10;
  sizes.vocab = 64;
  return sizes;
}

float FixtureValue(size_t array, uint64_t i) {
  uint32_t mixed =
      static_cast<uint32_t>(i * 2654435761u + array * 40503 + 12345);
  mixed = (mixed ^ (mixed >> 15)) * 2246822519u;
  const float fine = array == 0 ? static_cast<float>(mixed >> 29) / 4
                                : static_cast<float>(mixed >> 8) / (1 << 23);
  return fine - 1;
}

float RoundedToBF16(float value) {
  if (value == 0 || !std::isfinite(value)) return value;
  // Eight bits of precision; rint goes to the even one of two.
  const double place = std::ldexp(1.0, std::ilogb(value) - 7);
  return static_cast<float>(std::rint(value / place) * place);
}

void CopyFolder(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive,
                        error);
  if (error) HWY_ABORT("%s: %s", from.c_str(), error.message().c_str());
}

std::string StoredFrame(absl::string_view bytes, bool with_size) {
  std::string frame = FrameHeader(with_size, bytes.size());
  do {
    const absl::string_view block = bytes.substr(0, kBlockBytes);
    bytes.remove_prefix(block.size());
    absl::StrAppend(&frame, BlockHeader(bytes.empty(), kStored, block.size()),
                    block);
  } while (!bytes.empty());
  return frame;
}

std::string RepeatedFrame(char byte, uint64_t count) {
  std::string frame = FrameHeader(false, 0);
  do {
    const uint64_t block = std::min(count, kBlockBytes);
    count -= block;
    frame += BlockHeader(count == 0, kRepeated, block) + byte;
  } while (count > 0);
  return frame;
}

}  // namespace polarize
