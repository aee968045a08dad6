#include "experiments/run/config_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/user_path.h"

namespace polarize {
namespace {

absl::Status ReadError(const std::string& path, int error) {
  const std::string message =
      absl::StrCat(path, ": cannot read the config: ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message)
                         : absl::FailedPreconditionError(message);
}

// Everything in the open file, up to one byte more than allowed. A pipe has no
// size to ask for, so the bytes are counted as they come.
absl::StatusOr<std::string> ReadAll(const std::string& path, int fd) {
  std::string text;
  char block[1 << 14];
  while (text.size() <= kMaxConfigBytes) {
    const ssize_t count = read(fd, block, sizeof(block));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ReadError(path, errno);
    if (count == 0) return text;
    text.append(block, static_cast<size_t>(count));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": larger than ", kMaxConfigBytes, " bytes: not a config"));
}

// The number of bytes of the UTF-8 character that `text` has at `i`; 0 if there
// is none, or a control character that no text file holds.
size_t CharacterBytes(const std::string& text, size_t i) {
  const auto byte = [&text](size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
  };
  const unsigned first = byte(i);
  if (first < 0x80) {
    const bool control =
        (first < 0x20 && std::strchr("\t\n\v\f\r", first) == nullptr) ||
        first == 0 || first == 0x7f;
    return control ? 0 : 1;
  }
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t k = 1; k < size; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
  }
  // Longer than needed, half of a UTF-16 pair, or beyond Unicode.
  const unsigned second = byte(i + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return size;
}

absl::Status CheckIsText(const std::string& path, const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const size_t size = CharacterBytes(text, i);
    if (size == 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: not a text file: byte 0x%02x at offset %d", path,
                          static_cast<unsigned char>(text[i]), i));
    }
    i += size;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ConfigText> ReadConfigText(const std::string& path) {
  const int fd = open(UserPath(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ReadError(path, errno);
  absl::StatusOr<std::string> text = ReadAll(path, fd);
  close(fd);
  if (!text.ok()) return text.status();
  if (absl::Status status = CheckIsText(path, *text); !status.ok()) {
    return status;
  }
  return ConfigText{path, *std::move(text)};
}

absl::StatusOr<ConfigText> ConfigTextFor(const std::string& path,
                                         const ConfigText& embedded) {
  if (path.empty()) return embedded;
  return ReadConfigText(path);
}

}  // namespace polarize
