#include "experiments/pretrained/text/parquet/compact.h"

namespace polarize {
namespace {

constexpr char kWrongType[] = "a field of another type than Parquet has";

int64_t FromZigzag(uint64_t n) {
  return static_cast<int64_t>(n >> 1) ^ -static_cast<int64_t>(n & 1);
}

}  // namespace

void CompactReader::Fail(const char* rule) {
  if (rule_ == nullptr) rule_ = rule;
  rest_ = {};
}

uint8_t CompactReader::Byte() {
  if (rest_.empty()) {
    Fail("it ends early");
    return 0;
  }
  const auto byte = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

uint64_t CompactReader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint64_t byte = Byte();
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return ok() ? value : 0;
  }
  Fail("a number of more than 64 bits");
  return 0;
}

int64_t CompactReader::Integer(CompactType type) {
  if (type == CompactType::kByte) return static_cast<int8_t>(Byte());
  if (type < CompactType::kI16 || type > CompactType::kI64) {
    Fail(kWrongType);
    return 0;
  }
  return FromZigzag(Varint());
}

absl::string_view CompactReader::Binary() {
  const uint64_t size = Varint();
  if (size > rest_.size()) Fail("it ends early");
  if (!ok()) return {};
  const absl::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

size_t CompactReader::ListStart(CompactType* type) {
  const uint8_t head = Byte();
  *type = static_cast<CompactType>(head & 0xf);
  const uint64_t count = head >> 4 == 15 ? Varint() : head >> 4;
  // No element takes less than a byte.
  if (count > rest_.size()) Fail("a list longer than what follows");
  return ok() ? count : 0;
}

size_t CompactReader::List(CompactType type) {
  CompactType actual;
  const size_t count = ListStart(&actual);
  if (count > 0 && actual != type) Fail(kWrongType);
  return ok() ? count : 0;
}

bool CompactReader::Enter() {
  if (++depth_ > kMaxDepth) Fail("structs and lists too deep in each other");
  return ok();
}

void CompactReader::SkipElements(size_t count, CompactType type) {
  for (size_t i = 0; i < count && ok(); ++i) {
    // In a list a boolean is a byte; in a struct it is none.
    if (type == CompactType::kTrue || type == CompactType::kFalse) {
      Byte();
    } else {
      Skip(type);
    }
  }
}

void CompactReader::SkipMap() {
  const uint64_t count = Varint();
  if (count == 0) return;
  const uint8_t types = Byte();
  // No entry takes less than two bytes.
  if (count > rest_.size() / 2) Fail("a map longer than what follows");
  for (uint64_t i = 0; i < count && ok(); ++i) {
    SkipElements(1, static_cast<CompactType>(types >> 4));
    SkipElements(1, static_cast<CompactType>(types & 0xf));
  }
}

void CompactReader::Skip(CompactType type) {
  switch (type) {
    case CompactType::kTrue:
    case CompactType::kFalse:
      return;
    case CompactType::kByte:
      Byte();
      return;
    case CompactType::kI16:
    case CompactType::kI32:
    case CompactType::kI64:
      Varint();
      return;
    case CompactType::kDouble:
      if (rest_.size() < 8) return Fail("it ends early");
      rest_.remove_prefix(8);
      return;
    case CompactType::kBinary:
      Binary();
      return;
    case CompactType::kStruct:
      for (CompactFields f(this); f.Next();) f.Skip();
      return;
    case CompactType::kList:
    case CompactType::kSet:
      if (Enter()) {
        CompactType element;
        const size_t count = ListStart(&element);
        SkipElements(count, element);
      }
      return Leave();
    case CompactType::kMap:
      if (Enter()) SkipMap();
      return Leave();
    case CompactType::kStop:
      break;
  }
  Fail("a value of an unknown type");
}

CompactFields::CompactFields(CompactReader* reader) : reader_(reader) {
  reader_->Enter();
}

bool CompactFields::Next() {
  const uint8_t head = reader_->Byte();
  type_ = static_cast<CompactType>(head & 0xf);
  if (type_ == CompactType::kStop || !reader_->ok()) return false;
  // What to add to the last field's id, or 0 and the id itself.
  const uint8_t delta = head >> 4;
  id_ = delta > 0 ? id_ + delta : reader_->Integer(CompactType::kI16);
  if (id_ < INT16_MIN || id_ > INT16_MAX) reader_->Fail("a field's id");
  return reader_->ok();
}

bool CompactFields::Expect(CompactType type) {
  if (type_ != type) reader_->Fail(kWrongType);
  return type_ == type;
}

bool CompactFields::Bool() {
  if (type_ == CompactType::kTrue) return true;
  Expect(CompactType::kFalse);
  return false;
}

absl::string_view CompactFields::Binary() {
  return Expect(CompactType::kBinary) ? reader_->Binary() : "";
}

size_t CompactFields::List(CompactType type) {
  return Expect(CompactType::kList) ? reader_->List(type) : 0;
}

bool CompactFields::IsStruct() { return Expect(CompactType::kStruct); }

void CompactFields::Skip() { reader_->Skip(type_); }

}  // namespace polarize
