#include "experiments/pretrained/fetch/checksum.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace polarize {
namespace {

constexpr size_t kSha256Bytes = 32;
constexpr size_t kPieceBytes = size_t{1} << 20;

}  // namespace

// The mbedTLS functions used here fail only where hardware computes them.

StreamChecksums::StreamChecksums() {
  mbedtls_sha256_init(&sha256_);
  Clear();
}

StreamChecksums::~StreamChecksums() { mbedtls_sha256_free(&sha256_); }

void StreamChecksums::Add(absl::string_view bytes) {
  crc32c_ = absl::ExtendCrc32c(crc32c_, bytes);
  mbedtls_sha256_update(&sha256_,
                        reinterpret_cast<const unsigned char*>(bytes.data()),
                        bytes.size());
}

Checksums StreamChecksums::Get() const {
  mbedtls_sha256_context copy;  // the end spoils a context
  mbedtls_sha256_init(&copy);
  mbedtls_sha256_clone(&copy, &sha256_);
  char digest[kSha256Bytes];
  mbedtls_sha256_finish(&copy, reinterpret_cast<unsigned char*>(digest));
  mbedtls_sha256_free(&copy);
  return {static_cast<uint32_t>(crc32c_),
          absl::BytesToHexString(absl::string_view(digest, sizeof(digest)))};
}

void StreamChecksums::Clear() {
  crc32c_ = absl::crc32c_t{0};
  mbedtls_sha256_starts(&sha256_, /*is224=*/0);
}

namespace {

absl::StatusOr<uint64_t> AddDescriptor(
    int fd, const std::string& path, absl::FunctionRef<bool()> cancelled,
    absl::FunctionRef<void(uint64_t)> progress, StreamChecksums& sums) {
  struct stat info;
  if (fstat(fd, &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": not a regular file"));
  }
  std::vector<char> piece(kPieceBytes);
  uint64_t size = 0;
  for (;;) {
    if (cancelled()) return absl::CancelledError("interrupted");
    const ssize_t n = read(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
    }
    if (n == 0) return size;
    const size_t got = static_cast<size_t>(n);
    sums.Add(absl::string_view(piece.data(), got));
    size += got;
    progress(got);
  }
}

}  // namespace

absl::StatusOr<uint64_t> AddFile(const std::string& path,
                                 absl::FunctionRef<bool()> cancelled,
                                 absl::FunctionRef<void(uint64_t)> progress,
                                 StreamChecksums& sums) {
  // Opening a pipe would wait for its writer; O_NONBLOCK does not.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  absl::StatusOr<uint64_t> size =
      AddDescriptor(fd, path, cancelled, progress, sums);
  close(fd);
  return size;
}

std::string Crc32cText(uint32_t crc32c) {
  char bytes[4];
  for (int i = 0; i < 4; ++i) {
    bytes[i] = static_cast<char>(crc32c >> (24 - 8 * i));
  }
  return absl::Base64Escape(absl::string_view(bytes, sizeof(bytes)));
}

absl::StatusOr<uint32_t> ParseCrc32c(absl::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes) || bytes.size() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(text.substr(0, 40)),
                     "\" is not the base64 text of a crc32c"));
  }
  uint32_t crc32c = 0;
  for (const char byte : bytes) {
    crc32c = crc32c << 8 | static_cast<unsigned char>(byte);
  }
  return crc32c;
}

bool IsSha256(absl::string_view text) {
  return text.size() == 2 * kSha256Bytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace polarize
