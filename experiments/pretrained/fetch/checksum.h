// The two checksums of a stream of bytes: the store's and ours.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_CHECKSUM_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_CHECKSUM_H_

#include <cstdint>
#include <string>

#include "absl/crc/crc32c.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mbedtls/sha256.h"

namespace polarize {

struct Checksums {
  uint32_t crc32c = 0;
  std::string sha256;  // 64 hexadecimal digits, small letters
};

// Computes both while the bytes pass.
class StreamChecksums {
 public:
  StreamChecksums();
  ~StreamChecksums();
  StreamChecksums(const StreamChecksums&) = delete;
  StreamChecksums& operator=(const StreamChecksums&) = delete;

  void Add(absl::string_view bytes);
  // Of everything added so far; more may be added.
  Checksums Get() const;
  // Back to no bytes.
  void Clear();

 private:
  absl::crc32c_t crc32c_{0};
  mbedtls_sha256_context sha256_;
};

// Adds all bytes of the file `path` to `sums`, telling `progress` of each
// piece, and returns how many there were. Cancelled once `cancelled` says so.
absl::StatusOr<uint64_t> AddFile(const std::string& path,
                                 absl::FunctionRef<bool()> cancelled,
                                 absl::FunctionRef<void(uint64_t)> progress,
                                 StreamChecksums& sums);

// As the store writes it: the base64 of four bytes, the most significant first.
std::string Crc32cText(uint32_t crc32c);
absl::StatusOr<uint32_t> ParseCrc32c(absl::string_view text);

// Whether it is a sha256 as Checksums holds one.
bool IsSha256(absl::string_view text);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_CHECKSUM_H_
