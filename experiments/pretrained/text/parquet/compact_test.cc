#include "experiments/pretrained/text/parquet/compact.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using std::string_literals::operator""s;

int64_t Number(const std::string& bytes, CompactType type) {
  CompactReader reader(bytes);
  const int64_t number = reader.Integer(type);
  EXPECT_TRUE(reader.ok()) << reader.rule();
  EXPECT_EQ(reader.left(), 0u);
  return number;
}

TEST(CompactTest, Numbers) {
  EXPECT_EQ(Number("\x00"s, CompactType::kI32), 0);
  EXPECT_EQ(Number("\x01", CompactType::kI16), -1);
  EXPECT_EQ(Number("\x02", CompactType::kI64), 1);
  EXPECT_EQ(Number("\xac\x02", CompactType::kI32), 150);
  EXPECT_EQ(Number("\xfe", CompactType::kByte), -2);
  EXPECT_EQ(
      Number("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", CompactType::kI64),
      std::numeric_limits<int64_t>::max());
  EXPECT_EQ(
      Number("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", CompactType::kI64),
      std::numeric_limits<int64_t>::min());
}

std::string NumberError(const std::string& bytes, CompactType type) {
  CompactReader reader(bytes);
  EXPECT_EQ(reader.Integer(type), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.left(), 0u);
  return reader.ok() ? "" : reader.rule();
}

TEST(CompactTest, NumbersThatAreNone) {
  EXPECT_EQ(NumberError("", CompactType::kI32), "it ends early");
  EXPECT_EQ(NumberError("", CompactType::kByte), "it ends early");
  EXPECT_EQ(NumberError("\x80", CompactType::kI32), "it ends early");
  EXPECT_EQ(NumberError("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                        CompactType::kI64),
            "a number of more than 64 bits");
  EXPECT_EQ(NumberError("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                        CompactType::kI64),
            "a number of more than 64 bits");
  for (const CompactType type : {CompactType::kStop, CompactType::kTrue,
                                 CompactType::kDouble, CompactType::kStruct}) {
    EXPECT_EQ(NumberError("\x02", type),
              "a field of another type than Parquet has");
  }
}

TEST(CompactTest, Struct) {
  // 1: i32 3, 2: true, 4: binary "ab", 5: list of two i32, 21: false,
  // -1: struct {}.
  const std::string bytes =
      "\x15\x06\x11\x28\x02"
      "ab\x19\x25\x02\x04\x02\x2a\x0c\x01\x00\x00rest"s;
  CompactReader reader(bytes);
  int seen = 0;
  for (CompactFields f(&reader); f.Next(); ++seen) {
    switch (f.id()) {
      case 1:
        EXPECT_EQ(f.Integer(), 3);
        break;
      case 2:
        EXPECT_TRUE(f.Bool());
        break;
      case 4:
        EXPECT_EQ(f.Binary(), "ab");
        break;
      case 5:
        EXPECT_EQ(f.List(CompactType::kI32), 2u);
        EXPECT_EQ(reader.Integer(CompactType::kI32), 1);
        EXPECT_EQ(reader.Integer(CompactType::kI32), 2);
        break;
      case 21:
        EXPECT_FALSE(f.Bool());
        break;
      case -1:
        EXPECT_TRUE(f.IsStruct());
        for (CompactFields inner(&reader); inner.Next();) ADD_FAILURE();
        break;
      default:
        ADD_FAILURE() << f.id();
    }
  }
  EXPECT_TRUE(reader.ok()) << reader.rule();
  EXPECT_EQ(seen, 6);
  EXPECT_EQ(reader.left(), 4u);
}

// All but `left` bytes are skipped.
void ExpectSkipped(CompactType type, const std::string& value) {
  const std::string bytes = value + "xyz";
  CompactReader reader(bytes);
  reader.Skip(type);
  EXPECT_TRUE(reader.ok()) << reader.rule();
  EXPECT_EQ(reader.left(), 3u) << static_cast<int>(type);
  for (size_t size = 0; size < value.size(); ++size) {
    CompactReader cut(absl::string_view(value).substr(0, size));
    cut.Skip(type);
    EXPECT_FALSE(cut.ok()) << static_cast<int>(type) << ", " << size;
  }
}

TEST(CompactTest, Skips) {
  ExpectSkipped(CompactType::kTrue, "");
  ExpectSkipped(CompactType::kFalse, "");
  ExpectSkipped(CompactType::kByte, "\x80");
  ExpectSkipped(CompactType::kI16, "\x80\x01");
  ExpectSkipped(CompactType::kI32, "\x05");
  ExpectSkipped(CompactType::kI64, "\x80\x80\x01");
  ExpectSkipped(CompactType::kDouble, "12345678");
  ExpectSkipped(CompactType::kBinary, "\x03\x01\x02\x03");
  ExpectSkipped(CompactType::kList, "\x32\x01\x02\x01");
  ExpectSkipped(CompactType::kSet, "\xf3\x02\x01\x02");
  ExpectSkipped(CompactType::kMap, "\x00"s);
  // Two entries of a boolean and a list.
  ExpectSkipped(CompactType::kMap, "\x02\x19\x01\x05\x02\x13\x07");
  ExpectSkipped(CompactType::kStruct, "\x11\x15\x02\x1c\x12\x00\x00"s);
}

std::string SkipError(CompactType type, const std::string& bytes) {
  CompactReader reader(bytes);
  reader.Skip(type);
  return reader.ok() ? "" : reader.rule();
}

TEST(CompactTest, Hostile) {
  const std::string many = "\xff\xff\xff\xff\x7f";
  EXPECT_EQ(SkipError(CompactType::kBinary, many + "x"), "it ends early");
  EXPECT_EQ(SkipError(CompactType::kList, "\xfc" + many + "\0\0\0"s),
            "a list longer than what follows");
  EXPECT_EQ(SkipError(CompactType::kMap, many + "\x33xxx"),
            "a map longer than what follows");
  EXPECT_EQ(SkipError(CompactType::kStruct, "\x1d\x01"),
            "a value of an unknown type");
  EXPECT_EQ(SkipError(CompactType::kStop, "\x01"),
            "a value of an unknown type");
  EXPECT_EQ(SkipError(CompactType::kStruct, "\x05\xfe\xff\x7f\x02\x00"s),
            "a field's id");
  const std::string deep(100000, '\x1c');
  EXPECT_EQ(SkipError(CompactType::kStruct, deep),
            "structs and lists too deep in each other");
  EXPECT_EQ(SkipError(CompactType::kList, std::string(100000, '\x19')),
            "structs and lists too deep in each other");
  std::string maps;
  for (int i = 0; i < 40000; ++i) maps += "\x01\x3b\x01";
  EXPECT_EQ(SkipError(CompactType::kMap, maps),
            "structs and lists too deep in each other");
  // As deep as may be.
  const std::string most = std::string(31, '\x1c') + std::string(32, '\0');
  ExpectSkipped(CompactType::kStruct, most);
  EXPECT_NE(SkipError(CompactType::kStruct, "\x1c" + most + "\0"s), "");
}

TEST(CompactTest, FieldsOfOtherTypes) {
  const auto error = [](const std::string& bytes, auto ask) {
    CompactReader reader(bytes);
    CompactFields f(&reader);
    EXPECT_TRUE(f.Next());
    ask(&f);
    EXPECT_FALSE(f.Next());
    return std::string(reader.ok() ? "" : reader.rule());
  };
  const std::string want = "a field of another type than Parquet has";
  const std::string number = "\x15\x02\x00"s, text = "\x18\x00\x00"s;
  EXPECT_EQ(error(text, [](auto* f) { f->Integer(); }), want);
  EXPECT_EQ(error(number, [](auto* f) { f->Binary(); }), want);
  EXPECT_EQ(error(number, [](auto* f) { f->Bool(); }), want);
  EXPECT_EQ(error(number, [](auto* f) { f->List(CompactType::kI32); }), want);
  EXPECT_EQ(error(number, [](auto* f) { f->IsStruct(); }), want);
  EXPECT_EQ(
      error("\x19\x18\x00\x00"s, [](auto* f) { f->List(CompactType::kI32); }),
      want);
  EXPECT_EQ(error(number, [](auto* f) { f->Integer(); }), "");
}

}  // namespace
}  // namespace polarize
