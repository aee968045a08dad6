// Tensors in files of the safetensors format: a header length (8 bytes), a
// JSON header, then the tensors' bytes, all little endian.
// https://github.com/huggingface/safetensors#format
#ifndef POLARIZE_EXPERIMENTS_RUN_SAFETENSORS_H_
#define POLARIZE_EXPERIMENTS_RUN_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "absl/types/variant.h"

namespace polarize {

// A tensor to write: row-major, as many elements as the product of `shape`.
struct TensorToWrite {
  std::string name;
  std::vector<int64_t> shape;
  absl::variant<const float*, const double*, const int32_t*, const int64_t*>
      data;
};

// A tensor whose bytes somebody else writes.
struct TensorPlace {
  std::string name;
  std::string dtype;  // as in a file: "F32", "BF16", ...
  std::vector<int64_t> shape;
};

// The beginning of a file that holds these tensors one after the other, with
// the metadata {"format":"pt"}; its length is a multiple of `alignment`. Errors
// name `path`, and the tensor: a name twice, an unknown type, an impossible
// shape, more than a header may be long.
absl::StatusOr<std::string> SafetensorsHeader(
    const std::string& path, absl::Span<const TensorPlace> tensors,
    size_t alignment);

// Writes the tensors in the given order, with the metadata {"format":"pt"} that
// PyTorch's loaders ask for. The file appears whole or not at all; the tensors
// are written from where they are, without a copy.
absl::Status WriteSafetensors(const std::string& path,
                              absl::Span<const TensorToWrite> tensors);

// What a file says of one tensor.
struct TensorInfo {
  std::string name;
  std::string dtype;  // as in the file: "F32", "BF16", ...
  std::vector<int64_t> shape;
  uint64_t elements;
  uint64_t begin;  // of its bytes, counted from the start of the file
  uint64_t bytes;
};

// "[2, 3]"
std::string ShapeText(absl::Span<const int64_t> shape);

// An open file. Open() reads and checks the header alone; tensors are read
// when they are asked for. Whatever is wrong in the file is an error that names
// the file and the tensor: a header longer than the file or 100 MB, bad JSON,
// missing or repeated keys, unknown types, sizes that are no whole numbers or
// do not multiply to the tensor's bytes, tensors that overlap, leave holes or
// reach beyond the end.
class SafetensorsFile {
 public:
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);

  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&& other) = delete;
  ~SafetensorsFile();

  const std::string& path() const { return path_; }
  // In the order of their bytes in the file.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }
  // nullptr if there is none of this name.
  const TensorInfo* Find(absl::string_view name) const;

  // The elements first .. first + out.size() - 1 of a tensor. Types F32, F64,
  // F16 and BF16 are read as float (F64 rounded to nearest), I32 and I64 as
  // int64_t; other types, unknown names and elements that the tensor does not
  // have are errors.
  absl::Status Read(absl::string_view name, absl::Span<float> out,
                    uint64_t first = 0) const;
  absl::Status Read(absl::string_view name, absl::Span<int64_t> out,
                    uint64_t first = 0) const;

  // The same for the whole of a tensor that must have this shape.
  absl::Status ReadWhole(absl::string_view name,
                         absl::Span<const int64_t> shape,
                         absl::Span<float> out) const;

 private:
  SafetensorsFile(std::string path, int fd);
  absl::Status ReadHeader();
  absl::Status ParseHeader(const std::string& text, uint64_t data_begin,
                           uint64_t file_bytes);
  absl::Status ReadBytes(const TensorInfo& tensor, uint64_t at, void* out,
                         size_t bytes) const;
  absl::StatusOr<const TensorInfo*> FindElements(absl::string_view name,
                                                 uint64_t first,
                                                 uint64_t count) const;
  template <typename From, typename To, typename Convert>
  absl::Status ReadConverted(const TensorInfo& tensor, absl::Span<To> out,
                             uint64_t first, Convert convert) const;

  std::string path_;
  int fd_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, size_t, std::less<>> index_;  // name -> in tensors_
  std::map<std::string, std::string> metadata_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_SAFETENSORS_H_
