// A 64-bit hash that is the same on every machine and in every version.
#ifndef POLARIZE_EXPERIMENTS_RUN_FINGERPRINT_H_
#define POLARIZE_EXPERIMENTS_RUN_FINGERPRINT_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace polarize {

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), for ids and for telling
// whether bits differ; not against anybody who wants equal hashes. Abseil's
// hash differs from process to process.
class Fingerprint {
 public:
  void Add(absl::string_view bytes) {
    for (const char c : bytes) {
      hash_ ^= static_cast<uint8_t>(c);
      hash_ *= 0x100000001b3;
    }
  }
  uint64_t value() const { return hash_; }
  // The same as 16 hexadecimal digits.
  std::string Text() const {
    return absl::StrCat(absl::Hex(hash_, absl::kZeroPad16));
  }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FINGERPRINT_H_
