#include "experiments/pretrained/text/utf8.h"

#include <cstdint>

namespace polarize {
namespace {

// What the first byte says of the character's length; 0: it is no first byte.
size_t Announced(uint8_t first) {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;  // a later byte, or what one byte could hold
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

}  // namespace

size_t CharacterBytes(absl::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t size = Announced(byte(0));
  if (size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (size < 3) return size;
  // The first two bytes tell forms that are too long, surrogates, and what
  // lies beyond the last code point.
  const unsigned head = byte(0) << 8 | byte(1);
  if (size == 3) {
    return head < 0xe0a0 || (head >= 0xeda0 && head < 0xee00) ? 0 : 3;
  }
  return head < 0xf090 || head >= 0xf490 ? 0 : 4;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t size = CharacterBytes(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace polarize
