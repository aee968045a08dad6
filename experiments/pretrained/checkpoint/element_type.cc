#include "experiments/pretrained/checkpoint/element_type.h"

#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hwy/base.h"

namespace polarize {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the formats are little endian, and so is this code");

struct Names {
  ElementType type;
  const char* zarr;
  const char* numpy;
  size_t bytes;
};

constexpr Names kTypes[] = {{ElementType::kF32, "<f4", "float32", 4},
                            {ElementType::kBF16, "bfloat16", "bfloat16", 2},
                            {ElementType::kF16, "<f2", "float16", 2},
                            {ElementType::kU32, "<u4", "uint32", 4},
                            {ElementType::kI32, "<i4", "int32", 4}};

const Names& NamesOf(ElementType type) {
  return kTypes[static_cast<size_t>(type)];
}

absl::StatusOr<ElementType> Parse(absl::string_view name,
                                  const char* const Names::*kind) {
  for (const Names& names : kTypes) {
    if (name == names.*kind) return names.type;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", absl::CHexEscape(name.substr(0, 40)),
      "\" is not supported; must be one of ",
      absl::StrJoin(kTypes, ", ", [kind](std::string* out, const Names& names) {
        absl::StrAppend(out, names.*kind);
      })));
}

template <typename T>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <typename T>
void Store(T value, char* to) {
  std::memcpy(to, &value, sizeof(value));
}

// Half of the last place that is kept, less one where that is even: then the
// carry rounds. NaNs, which a carry could end, get the bit that makes them
// quiet.
uint16_t UpperHalf(uint32_t bits) {
  const bool is_nan = (bits & 0x7FFFFFFF) > 0x7F800000;
  const uint32_t rounded = bits + 0x7FFF + ((bits >> 16) & 1);
  return static_cast<uint16_t>(is_nan ? (bits >> 16) | 0x40 : rounded >> 16);
}

uint32_t BitsOfF16(uint16_t bits) {
  return hwy::BitCastScalar<uint32_t>(
      hwy::F32FromF16(hwy::float16_t::FromBits(bits)));
}

template <typename From, typename Convert>
void ConvertEach(const char* from, size_t count, char* to, Convert convert) {
  using To = decltype(convert(From()));
  for (size_t i = 0; i < count; ++i) {
    Store<To>(convert(Load<From>(from + i * sizeof(From))),
              to + i * sizeof(To));
  }
}

void ToFloats(ElementType type, const char* from, size_t count, char* to) {
  if (type == ElementType::kF32) {
    std::memcpy(to, from, count * sizeof(float));
  } else if (type == ElementType::kBF16) {
    ConvertEach<uint16_t>(from, count, to,
                          [](uint16_t bits) { return uint32_t{bits} << 16; });
  } else {
    ConvertEach<uint16_t>(from, count, to, BitsOfF16);
  }
}

void ToHalves(ElementType type, const char* from, size_t count, char* to) {
  if (type == ElementType::kF32) {
    ConvertEach<uint32_t>(from, count, to, UpperHalf);
  } else if (type == ElementType::kBF16) {
    std::memcpy(to, from, count * sizeof(uint16_t));
  } else {
    ConvertEach<uint16_t>(from, count, to, [](uint16_t bits) {
      return UpperHalf(BitsOfF16(bits));
    });
  }
}

}  // namespace

size_t ElementBytes(ElementType type) { return NamesOf(type).bytes; }

const char* ElementTypeName(ElementType type) { return NamesOf(type).numpy; }

bool IsFloat(ElementType type) {
  return type == ElementType::kF32 || type == ElementType::kBF16 ||
         type == ElementType::kF16;
}

absl::StatusOr<ElementType> ParseZarrType(absl::string_view dtype) {
  if (dtype == "<V2") return ElementType::kBF16;
  return Parse(dtype, &Names::zarr);
}

absl::StatusOr<ElementType> ParseNumpyType(absl::string_view dtype) {
  return Parse(dtype, &Names::numpy);
}

void ConvertElements(ElementType type, const char* from, size_t count,
                     PackedPrecision precision, char* to) {
  HWY_ASSERT(IsFloat(type));
  if (precision == PackedPrecision::kBF16) {
    ToHalves(type, from, count, to);
  } else {
    ToFloats(type, from, count, to);
  }
}

}  // namespace polarize
