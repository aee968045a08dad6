#include "experiments/pretrained/checkpoint/zarray.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/run/json_depth.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace polarize {
namespace {

using ::google::protobuf::Struct;
using ::google::protobuf::Value;

constexpr size_t kMostAxes = 8;
constexpr uint64_t kMostChunks = uint64_t{1} << 20;
constexpr uint64_t kMostChunkBytes = uint64_t{1} << 40;
// Every whole number up to here is a double, which the JSON reader gives; and
// eight bytes each still fit 64 bits.
constexpr uint64_t kMostElements = uint64_t{1} << 53;

constexpr absl::string_view kFields[] = {
    "chunks", "compressor", "dimension_separator",
    "dtype",  "fill_value", "filters",
    "order",  "shape",      "zarr_format"};

absl::Status Error(absl::string_view field, absl::string_view rule) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", rule));
}

// Null if it is not there.
const Value* Find(const Struct& object, const char* name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? nullptr : &found->second;
}

bool IsNull(const Value& value) {
  return value.kind_case() == Value::kNullValue ||
         value.kind_case() == Value::KIND_NOT_SET;
}

// A text, for a message.
std::string Shown(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, 40)), "\"");
}

absl::Status CheckFields(const Struct& object) {
  for (const auto& [name, value] : object.fields()) {
    bool known = false;
    for (const absl::string_view field : kFields) known |= field == name;
    if (!known) return Error(Shown(name), "not a field that is known here");
  }
  return absl::OkStatus();
}

absl::Status TakeNumbers(const Struct& object, const char* field,
                         uint64_t least, std::vector<uint64_t>& numbers) {
  const Value* const list = Find(object, field);
  if (list == nullptr || list->kind_case() != Value::kListValue) {
    return Error(field, "must be a list of whole numbers");
  }
  for (const Value& value : list->list_value().values()) {
    const double number = value.number_value();
    // The order keeps NaN and huge values from the cast.
    if (value.kind_case() != Value::kNumberValue ||
        !(number >= static_cast<double>(least)) ||
        !(number <= static_cast<double>(kMostElements)) ||
        static_cast<double>(static_cast<uint64_t>(number)) != number) {
      return Error(field, absl::StrCat("must hold whole numbers from ", least,
                                       " to 2^53"));
    }
    numbers.push_back(static_cast<uint64_t>(number));
  }
  if (numbers.size() > kMostAxes) {
    return Error(field, absl::StrCat(numbers.size(), " axes; at most ",
                                     kMostAxes, " are supported"));
  }
  return absl::OkStatus();
}

// The text of a field that must be one.
absl::StatusOr<std::string> Text(const Struct& object, const char* field) {
  const Value* const value = Find(object, field);
  if (value == nullptr || value->kind_case() != Value::kStringValue) {
    return Error(field, "must be there and a text in quotation marks");
  }
  return value->string_value();
}

absl::Status CheckFormat(const Struct& object) {
  const Value* const format = Find(object, "zarr_format");
  if (format == nullptr || format->kind_case() != Value::kNumberValue ||
      format->number_value() != 2) {
    return Error("zarr_format", "must be 2");
  }
  const absl::StatusOr<std::string> order = Text(object, "order");
  if (!order.ok()) return order.status();
  if (*order != "C") {
    return Error("order", absl::StrCat(Shown(*order),
                                       " is not supported; "
                                       "must be \"C\" (rows first)"));
  }
  const Value* const filters = Find(object, "filters");
  if (filters != nullptr && !IsNull(*filters)) {
    return Error("filters", "must be null; none are supported");
  }
  const Value* const fill = Find(object, "fill_value");
  if (fill != nullptr && !IsNull(*fill) &&
      !(fill->kind_case() == Value::kNumberValue &&
        fill->number_value() == 0)) {
    return Error("fill_value", "must be null or 0");
  }
  return absl::OkStatus();
}

absl::Status TakeType(const Struct& object, Zarray& zarray) {
  // A list is a structured type.
  const absl::StatusOr<std::string> dtype = Text(object, "dtype");
  if (!dtype.ok()) return dtype.status();
  const absl::StatusOr<ElementType> type = ParseZarrType(*dtype);
  if (!type.ok()) return Error("dtype", type.status().message());
  zarray.type = *type;
  return absl::OkStatus();
}

absl::Status TakeCompressor(const Struct& object, Zarray& zarray) {
  const Value* const value = Find(object, "compressor");
  if (value == nullptr) {
    return Error("compressor", "must be there: null or {\"id\": \"zstd\"}");
  }
  if (IsNull(*value)) return absl::OkStatus();
  if (value->kind_case() != Value::kStructValue) {
    return Error("compressor", "must be null or an object");
  }
  const absl::StatusOr<std::string> id = Text(value->struct_value(), "id");
  if (!id.ok()) return Error("compressor", id.status().message());
  if (*id != "zstd") {
    return Error("compressor",
                 absl::StrCat(Shown(*id),
                              " is not supported; must be null or "
                              "{\"id\": \"zstd\"}"));
  }
  zarray.zstd = true;
  return absl::OkStatus();
}

absl::Status TakeSeparator(const Struct& object, Zarray& zarray) {
  if (Find(object, "dimension_separator") == nullptr) return absl::OkStatus();
  const absl::StatusOr<std::string> text = Text(object, "dimension_separator");
  if (!text.ok()) return text.status();
  if (*text != "." && *text != "/") {
    return Error("dimension_separator",
                 absl::StrCat("must be \".\" or \"/\", not ", Shown(*text)));
  }
  zarray.separator = (*text)[0];
  return absl::OkStatus();
}

// False if it is more than `most`.
bool ProductFits(absl::Span<const uint64_t> factors, uint64_t most) {
  uint64_t product = 1;
  for (const uint64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return false;
  }
  return product <= most;
}

uint64_t Product(absl::Span<const uint64_t> factors) {
  uint64_t product = 1;
  for (const uint64_t factor : factors) product *= factor;
  return product;
}

absl::Status CheckSizes(const Zarray& zarray) {
  if (zarray.chunks.size() != zarray.shape.size()) {
    return Error("chunks", absl::StrCat(ZarrShapeText(zarray.chunks),
                                        " has another "
                                        "number of axes than shape ",
                                        ZarrShapeText(zarray.shape)));
  }
  // An axis of 0 must not make up for the others.
  std::vector<uint64_t> shape = zarray.shape;
  for (uint64_t& size : shape) size = size == 0 ? 1 : size;
  if (!ProductFits(shape, kMostElements)) {
    return Error("shape", absl::StrCat(ZarrShapeText(zarray.shape),
                                       " is more than 2^53 elements"));
  }
  if (!ProductFits(zarray.chunks,
                   kMostChunkBytes / ElementBytes(zarray.type))) {
    return Error("chunks", absl::StrCat(ZarrShapeText(zarray.chunks),
                                        " is more than 2^40 bytes"));
  }
  if (!ProductFits(zarray.Grid(), kMostChunks)) {
    return Error("chunks",
                 absl::StrCat(ZarrShapeText(zarray.chunks), " cuts shape ",
                              ZarrShapeText(zarray.shape),
                              " into more than 2^20 chunks"));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<uint64_t> Zarray::Grid() const {
  std::vector<uint64_t> grid;
  for (size_t i = 0; i < shape.size(); ++i) {
    grid.push_back(shape[i] / chunks[i] + (shape[i] % chunks[i] != 0));
  }
  return grid;
}

uint64_t Zarray::ChunkCount() const { return Product(Grid()); }

uint64_t Zarray::Elements() const { return Product(shape); }

uint64_t Zarray::ChunkBytes() const {
  return Product(chunks) * ElementBytes(type);
}

absl::StatusOr<Zarray> ParseZarray(absl::string_view text) {
  if (IsJsonDeeperThan(text, kMostJsonDepth)) {
    return absl::InvalidArgumentError(
        absl::StrCat("brackets deeper than ", kMostJsonDepth));
  }
  Struct object;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(text.data(), text.size()), &object);
  if (!parsed.ok()) return absl::InvalidArgumentError("not a JSON object");
  Zarray zarray;
  absl::Status status = CheckFields(object);
  if (status.ok()) status = CheckFormat(object);
  if (status.ok()) status = TakeType(object, zarray);
  if (status.ok()) status = TakeCompressor(object, zarray);
  if (status.ok()) status = TakeSeparator(object, zarray);
  if (status.ok()) status = TakeNumbers(object, "shape", 0, zarray.shape);
  if (status.ok()) status = TakeNumbers(object, "chunks", 1, zarray.chunks);
  if (status.ok()) status = CheckSizes(zarray);
  if (!status.ok()) return status;
  return zarray;
}

std::string ZarrShapeText(absl::Span<const uint64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace polarize
