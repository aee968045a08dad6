// Is a text UTF-8?
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_UTF8_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace polarize {

// The bytes of the character that `text` starts with: 1 to 4, or 0 where that
// is no shortest form of a code point up to U+10FFFF that is no surrogate
// (RFC 3629), and for the empty text.
size_t CharacterBytes(absl::string_view text);

// Whether `text` is made of such characters alone.
bool IsUtf8(absl::string_view text);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_UTF8_H_
