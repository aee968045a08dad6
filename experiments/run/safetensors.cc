#include "experiments/run/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/run/file.h"
#include "experiments/run/json.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace polarize {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the format is little endian, and so is this code");

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr char kMetadata[] = "__metadata__";
constexpr uint64_t kLengthBytes = 8;
// The limit of the format's own library.
constexpr uint64_t kMaxHeaderBytes = 100000000;
// Up to here doubles, which is what the JSON reader gives, are exact.
constexpr double kMaxWhole = 9007199254740992.0;
// Of a tensor that is written, so that no sum of sizes overflows.
constexpr uint64_t kMaxElements = uint64_t{1} << 53;

struct DtypeSize {
  absl::string_view name;
  uint64_t bytes;
};

constexpr DtypeSize kDtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
    {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
    {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};

// 0 if there is no such type.
uint64_t BytesOf(absl::string_view dtype) {
  for (const DtypeSize& known : kDtypes) {
    if (known.name == dtype) return known.bytes;
  }
  return 0;
}

absl::Status Bad(absl::string_view path, absl::string_view tensor,
                 absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": tensor '", tensor, "': ", what));
}

// False if the product does not fit.
bool Elements(absl::Span<const int64_t> shape, uint64_t& elements) {
  elements = 1;
  for (const int64_t size : shape) {
    if (size < 0) return false;
    if (__builtin_mul_overflow(elements, static_cast<uint64_t>(size),
                               &elements)) {
      return false;
    }
  }
  return true;
}

const char* DtypeOf(const TensorToWrite& tensor) {
  if (absl::holds_alternative<const float*>(tensor.data)) return "F32";
  if (absl::holds_alternative<const double*>(tensor.data)) return "F64";
  return absl::holds_alternative<const int32_t*>(tensor.data) ? "I32" : "I64";
}

absl::string_view BytesOf(const TensorToWrite& tensor, uint64_t elements) {
  return absl::visit(
      [elements](const auto* data) {
        return absl::string_view(reinterpret_cast<const char*>(data),
                                 elements * sizeof(*data));
      },
      tensor.data);
}

// The list of numbers under `key`.
absl::Status WholeNumbers(const Struct& entry, const char* key,
                          std::vector<int64_t>& numbers) {
  const auto found = entry.fields().find(key);
  if (found == entry.fields().end()) {
    return absl::InvalidArgumentError(absl::StrCat("no '", key, "'"));
  }
  if (found->second.kind_case() != Value::kListValue) {
    return absl::InvalidArgumentError(absl::StrCat("'", key, "' is no list"));
  }
  for (const Value& value : found->second.list_value().values()) {
    const double number = value.number_value();
    // The order of these conditions keeps NaN and huge values from the cast.
    if (value.kind_case() != Value::kNumberValue || !(number >= 0) ||
        !(number <= kMaxWhole) ||
        static_cast<double>(static_cast<int64_t>(number)) != number) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", key, "' holds what is no whole number from 0 on"));
    }
    numbers.push_back(static_cast<int64_t>(number));
  }
  return absl::OkStatus();
}

absl::Status ParseDtype(const Struct& entry, std::string& dtype) {
  const auto found = entry.fields().find("dtype");
  if (found == entry.fields().end()) {
    return absl::InvalidArgumentError("no 'dtype'");
  }
  if (found->second.kind_case() != Value::kStringValue) {
    return absl::InvalidArgumentError("'dtype' is no string");
  }
  dtype = found->second.string_value();
  if (BytesOf(dtype) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown dtype '", dtype, "'"));
  }
  return absl::OkStatus();
}

// One tensor's entry. The tensors' bytes are the `data_bytes` from
// `data_begin`.
absl::Status ParseTensor(const Struct& entry, uint64_t data_begin,
                         uint64_t data_bytes, TensorInfo& tensor) {
  for (const auto& field : entry.fields()) {
    if (field.first != "dtype" && field.first != "shape" &&
        field.first != "data_offsets") {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown key '", field.first, "'"));
    }
  }
  std::vector<int64_t> offsets;
  absl::Status status = ParseDtype(entry, tensor.dtype);
  if (status.ok()) status = WholeNumbers(entry, "shape", tensor.shape);
  if (status.ok()) status = WholeNumbers(entry, "data_offsets", offsets);
  if (!status.ok()) return status;
  if (offsets.size() != 2) {
    return absl::InvalidArgumentError("'data_offsets' are not two");
  }
  const uint64_t begin = static_cast<uint64_t>(offsets[0]);
  const uint64_t end = static_cast<uint64_t>(offsets[1]);
  if (begin > end || end > data_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("data_offsets ", ShapeText(offsets), " do not lie in the ",
                     data_bytes, " bytes after the header"));
  }
  uint64_t bytes;
  if (!Elements(tensor.shape, tensor.elements) ||
      __builtin_mul_overflow(tensor.elements, BytesOf(tensor.dtype), &bytes) ||
      bytes != end - begin) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeText(tensor.shape), " of ", tensor.dtype,
                     " does not take the ", end - begin,
                     " bytes of data_offsets ", ShapeText(offsets)));
  }
  tensor.begin = data_begin + begin;
  tensor.bytes = bytes;
  return absl::OkStatus();
}

// The format wants every byte after the header to belong to one tensor.
absl::Status CheckCoverage(const std::string& path,
                           absl::Span<const TensorInfo> tensors,
                           uint64_t data_begin, uint64_t file_bytes) {
  uint64_t at = data_begin;
  const TensorInfo* before = nullptr;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.begin < at) {
      return Bad(path, tensor.name,
                 absl::StrCat("overlaps tensor '", before->name, "'"));
    }
    if (tensor.begin > at) {
      return Bad(path, tensor.name,
                 absl::StrCat(tensor.begin - at,
                              " bytes before it belong to no tensor"));
    }
    at += tensor.bytes;
    before = &tensor;
  }
  if (at != file_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": the last ", file_bytes - at, " bytes, after ",
        before == nullptr ? "the header" : "tensor '" + before->name + "'",
        ", belong to no tensor"));
  }
  return absl::OkStatus();
}

absl::Status ParseMetadata(const std::string& path, const Value& value,
                           std::map<std::string, std::string>& metadata) {
  if (value.kind_case() != Value::kStructValue) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": '", kMetadata, "' is no object"));
  }
  for (const auto& field : value.struct_value().fields()) {
    if (field.second.kind_case() != Value::kStringValue) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": '", field.first, "' in '", kMetadata, "' is no string"));
    }
    metadata[field.first] = field.second.string_value();
  }
  return absl::OkStatus();
}

template <typename To, typename From>
To FromBits(From bits) {
  static_assert(sizeof(To) == sizeof(From), "another size");
  To value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float FloatOfBf16(uint16_t bits) {
  return FromBits<float>(static_cast<uint32_t>(bits) << 16);
}

// IEEE 754 binary16: 5 bits of exponent, 10 of mantissa.
float FloatOfF16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 31;
  const uint32_t mantissa = bits & 0x3FF;
  if (exponent == 0) {  // zero and denormals: mantissa * 2^-24, exact
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  // Infinity and NaN keep their exponent of ones; others move from bias 15 to
  // 127.
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return FromBits<float>(sign | (wide << 23) | (mantissa << 13));
}

}  // namespace

std::string ShapeText(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::StatusOr<std::string> SafetensorsHeader(
    const std::string& path, absl::Span<const TensorPlace> tensors,
    size_t alignment) {
  JsonLine header;
  header.Add(kMetadata, JsonLine().Add("format", "pt"));
  std::set<absl::string_view> names = {kMetadata};
  uint64_t at = 0;
  for (const TensorPlace& tensor : tensors) {
    uint64_t elements;
    if (!names.insert(tensor.name).second) {
      return Bad(path, tensor.name, "a second one of this name");
    }
    const uint64_t element_bytes = BytesOf(tensor.dtype);
    if (element_bytes == 0) {
      return Bad(path, tensor.name,
                 absl::StrCat("unknown dtype '", tensor.dtype, "'"));
    }
    if (!Elements(tensor.shape, elements) || elements > kMaxElements) {
      return Bad(path, tensor.name,
                 absl::StrCat("impossible shape ", ShapeText(tensor.shape)));
    }
    const uint64_t begin = at;
    at += elements * element_bytes;
    header.Add(tensor.name,
               JsonLine()
                   .Add("dtype", tensor.dtype)
                   .Add("shape", tensor.shape)
                   .Add("data_offsets",
                        std::vector<int64_t>{static_cast<int64_t>(begin),
                                             static_cast<int64_t>(at)}));
  }
  std::string text(header.Text());
  const size_t end = (kLengthBytes + text.size()) % alignment;
  text.append(end == 0 ? 0 : alignment - end, ' ');
  if (text.size() > kMaxHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": a header of ", text.size(), " bytes is too long to be read"));
  }
  const uint64_t length = text.size();
  return absl::StrCat(
      absl::string_view(reinterpret_cast<const char*>(&length), sizeof(length)),
      text);
}

absl::Status WriteSafetensors(const std::string& path,
                              absl::Span<const TensorToWrite> tensors) {
  std::vector<TensorPlace> places;
  for (const TensorToWrite& tensor : tensors) {
    places.push_back({tensor.name, DtypeOf(tensor), tensor.shape});
  }
  const absl::StatusOr<std::string> header =
      SafetensorsHeader(path, places, kLengthBytes);
  if (!header.ok()) return header.status();
  absl::StatusOr<WholeFile> file = WholeFile::Create(path);
  if (!file.ok()) return file.status();
  absl::Status status = file->Write(*header);
  for (const TensorToWrite& tensor : tensors) {
    uint64_t elements = 0;
    Elements(tensor.shape, elements);
    if (status.ok()) status = file->Write(BytesOf(tensor, elements));
  }
  return status.ok() ? file->Commit() : status;
}

SafetensorsFile::SafetensorsFile(std::string path, int fd)
    : path_(std::move(path)), fd_(fd) {}

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      tensors_(std::move(other.tensors_)),
      index_(std::move(other.index_)),
      metadata_(std::move(other.metadata_)) {}

SafetensorsFile::~SafetensorsFile() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  // Opening a pipe would wait for its writer; O_NONBLOCK does not.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  SafetensorsFile file(path, fd);
  if (absl::Status status = file.ReadHeader(); !status.ok()) return status;
  return file;
}

absl::Status SafetensorsFile::ReadHeader() {
  struct stat info;
  if (fstat(fd_, &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path_));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(path_ + ": not a regular file");
  }
  const uint64_t file_bytes = static_cast<uint64_t>(info.st_size);
  if (file_bytes < kLengthBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": ", file_bytes, " bytes are too few for a safetensors file"));
  }
  // The header as a tensor, so that it is read as one.
  TensorInfo header;
  header.name = "the header";
  header.begin = 0;
  uint64_t length;
  absl::Status status = ReadBytes(header, 0, &length, sizeof(length));
  if (!status.ok()) return status;
  if (length > kMaxHeaderBytes || length > file_bytes - kLengthBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": a header of ", length, " bytes does not fit a file of ",
        file_bytes, " bytes (nor may it be longer than ", kMaxHeaderBytes,
        "); not a safetensors file, or cut off"));
  }
  std::string text(length, '\0');
  status = ReadBytes(header, kLengthBytes, &text[0], text.size());
  if (!status.ok()) return status;
  if (text.empty() || text[0] != '{') {
    return absl::InvalidArgumentError(
        path_ + ": the header does not start with '{'; not a safetensors file");
  }
  return ParseHeader(text, kLengthBytes + length, file_bytes);
}

absl::Status SafetensorsFile::ParseHeader(const std::string& text,
                                          uint64_t data_begin,
                                          uint64_t file_bytes) {
  Struct root;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &root);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path_, ": the header is no JSON object: ", parsed.ToString()));
  }
  for (const auto& field : root.fields()) {
    if (field.first == kMetadata) {
      absl::Status status = ParseMetadata(path_, field.second, metadata_);
      if (!status.ok()) return status;
      continue;
    }
    if (field.second.kind_case() != Value::kStructValue) {
      return Bad(path_, field.first, "its entry is no object");
    }
    TensorInfo tensor;
    tensor.name = field.first;
    const absl::Status status =
        ParseTensor(field.second.struct_value(), data_begin,
                    file_bytes - data_begin, tensor);
    if (!status.ok()) return Bad(path_, field.first, status.message());
    tensors_.push_back(std::move(tensor));
  }
  // Tensors without elements lie where others begin: they come first.
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorInfo& a, const TensorInfo& b) {
              return std::tie(a.begin, a.bytes, a.name) <
                     std::tie(b.begin, b.bytes, b.name);
            });
  for (size_t i = 0; i < tensors_.size(); ++i) index_[tensors_[i].name] = i;
  return CheckCoverage(path_, tensors_, data_begin, file_bytes);
}

const TensorInfo* SafetensorsFile::Find(absl::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

absl::Status SafetensorsFile::ReadBytes(const TensorInfo& tensor, uint64_t at,
                                        void* out, size_t bytes) const {
  char* to = static_cast<char*>(out);
  uint64_t from = tensor.begin + at;
  while (bytes > 0) {
    const ssize_t n = pread(fd_, to, bytes, static_cast<off_t>(from));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("cannot read ", path_, ", ", tensor.name));
    }
    if (n == 0) {
      return Bad(path_, tensor.name, "the file became shorter meanwhile");
    }
    to += n;
    from += static_cast<uint64_t>(n);
    bytes -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::StatusOr<const TensorInfo*> SafetensorsFile::FindElements(
    absl::string_view name, uint64_t first, uint64_t count) const {
  const TensorInfo* tensor = Find(name);
  if (tensor == nullptr) {
    return absl::NotFoundError(
        absl::StrCat(path_, ": there is no tensor '", name, "'"));
  }
  if (first > tensor->elements || count > tensor->elements - first) {
    return absl::OutOfRangeError(
        absl::StrCat(path_, ": tensor '", name, "': ", count, " elements from ",
                     first, " on, but it has ", tensor->elements));
  }
  return tensor;
}

template <typename From, typename To, typename Convert>
absl::Status SafetensorsFile::ReadConverted(const TensorInfo& tensor,
                                            absl::Span<To> out, uint64_t first,
                                            Convert convert) const {
  std::array<From, 4096> chunk;
  for (size_t done = 0; done < out.size();) {
    const size_t count = std::min(chunk.size(), out.size() - done);
    const absl::Status status = ReadBytes(tensor, (first + done) * sizeof(From),
                                          chunk.data(), count * sizeof(From));
    if (!status.ok()) return status;
    std::transform(chunk.begin(), chunk.begin() + count, out.begin() + done,
                   convert);
    done += count;
  }
  return absl::OkStatus();
}

absl::Status SafetensorsFile::Read(absl::string_view name,
                                   absl::Span<float> out,
                                   uint64_t first) const {
  const absl::StatusOr<const TensorInfo*> found =
      FindElements(name, first, out.size());
  if (!found.ok()) return found.status();
  const TensorInfo& tensor = **found;
  if (tensor.dtype == "F32") {
    return ReadBytes(tensor, first * sizeof(float), out.data(),
                     out.size() * sizeof(float));
  }
  if (tensor.dtype == "BF16") {
    return ReadConverted<uint16_t>(tensor, out, first, FloatOfBf16);
  }
  if (tensor.dtype == "F16") {
    return ReadConverted<uint16_t>(tensor, out, first, FloatOfF16);
  }
  if (tensor.dtype == "F64") {
    return ReadConverted<double>(
        tensor, out, first, [](double x) { return static_cast<float>(x); });
  }
  return Bad(
      path_, name,
      absl::StrCat("cannot be read as float: its type is ", tensor.dtype));
}

absl::Status SafetensorsFile::Read(absl::string_view name,
                                   absl::Span<int64_t> out,
                                   uint64_t first) const {
  const absl::StatusOr<const TensorInfo*> found =
      FindElements(name, first, out.size());
  if (!found.ok()) return found.status();
  const TensorInfo& tensor = **found;
  if (tensor.dtype == "I64") {
    return ReadBytes(tensor, first * sizeof(int64_t), out.data(),
                     out.size() * sizeof(int64_t));
  }
  if (tensor.dtype == "I32") {
    return ReadConverted<int32_t>(tensor, out, first,
                                  [](int32_t x) { return int64_t{x}; });
  }
  return Bad(
      path_, name,
      absl::StrCat("cannot be read as integer: its type is ", tensor.dtype));
}

absl::Status SafetensorsFile::ReadWhole(absl::string_view name,
                                        absl::Span<const int64_t> shape,
                                        absl::Span<float> out) const {
  const absl::StatusOr<const TensorInfo*> found = FindElements(name, 0, 0);
  if (!found.ok()) return found.status();
  if ((*found)->shape != shape || (*found)->elements != out.size()) {
    return Bad(path_, name,
               absl::StrCat("its shape is ", ShapeText((*found)->shape),
                            ", wanted is ", ShapeText(shape)));
  }
  return Read(name, out);
}

}  // namespace polarize
