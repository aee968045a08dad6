#include "experiments/pretrained/text/parquet/parquet_testing.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/file.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string Zigzag(int64_t value) {
  return Varint(static_cast<uint64_t>(value) << 1 ^
                static_cast<uint64_t>(value >> 63));
}

std::string ListStart(size_t count, int type) {
  return static_cast<char>(0xf0 | type) + Varint(count);
}

int64_t Or(int64_t value, size_t otherwise) {
  return value == -1 ? static_cast<int64_t>(otherwise) : value;
}

CompactStruct Root(int64_t members) {
  return CompactStruct().Binary(4, "schema").Integer(5, members);
}

}  // namespace

std::string FixturePath(absl::string_view name) {
  return absl::StrCat("experiments/pretrained/text/parquet/fixtures/", name);
}

std::string Fixture(absl::string_view name) {
  const absl::StatusOr<std::string> bytes =
      ReadFile(FixturePath(name), size_t{1} << 20);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

std::vector<std::string> GoodFixtures() {
  return {"snappy",   "snappy_v2", "plain",       "dictionary_v2",
          "fallback", "required",  "required_v2", "large_string"};
}

void CompactStruct::Field(int id, int type) {
  fields_ += static_cast<char>((id - last_) << 4 | type);
  last_ = id;
}

CompactStruct& CompactStruct::Integer(int id, int64_t value) {
  Field(id, 6);
  fields_ += Zigzag(value);
  return *this;
}

CompactStruct& CompactStruct::Bool(int id, bool value) {
  Field(id, value ? 1 : 2);
  return *this;
}

CompactStruct& CompactStruct::Binary(int id, absl::string_view value) {
  Field(id, 8);
  absl::StrAppend(&fields_, Varint(value.size()), value);
  return *this;
}

CompactStruct& CompactStruct::Struct(int id, const CompactStruct& value) {
  Field(id, 12);
  fields_ += value.bytes();
  return *this;
}

CompactStruct& CompactStruct::Structs(
    int id, const std::vector<CompactStruct>& values) {
  Field(id, 9);
  fields_ += ListStart(values.size(), 12);
  for (const CompactStruct& value : values) fields_ += value.bytes();
  return *this;
}

CompactStruct& CompactStruct::Binaries(int id,
                                       const std::vector<std::string>& values) {
  Field(id, 9);
  fields_ += ListStart(values.size(), 8);
  for (const std::string& value : values) {
    absl::StrAppend(&fields_, Varint(value.size()), value);
  }
  return *this;
}

void OverwriteFile(const std::string& path, absl::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  ASSERT_GE(fd, 0) << path;
  const auto size = static_cast<ssize_t>(bytes.size());
  EXPECT_EQ(write(fd, bytes.data(), bytes.size()), size) << path;
  EXPECT_EQ(ftruncate(fd, size), 0) << path;
  EXPECT_EQ(close(fd), 0) << path;
}

std::string Length(size_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string PlainTexts(const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    absl::StrAppend(&bytes, Length(text.size()), text);
  }
  return bytes;
}

std::string Levels(size_t count) { return Varint(count << 1) + '\x01'; }

CompactStruct PageOf::Header() const {
  CompactStruct header;
  header.Integer(1, kind)
      .Integer(2, Or(unpacked_bytes, body.size()))
      .Integer(3, Or(bytes, body.size()));
  if (kind == 3) {
    return header.Struct(8, CompactStruct()
                                .Integer(1, values)
                                .Integer(2, 0)
                                .Integer(3, rows < 0 ? values : rows)
                                .Integer(4, encoding)
                                .Integer(5, level_bytes)
                                .Integer(6, repetition_bytes)
                                .Bool(7, is_compressed));
  }
  CompactStruct inner;
  inner.Integer(1, values).Integer(2, encoding);
  if (kind == 2) return header.Struct(7, inner);
  return header.Struct(5, inner.Integer(3, level_encoding).Integer(4, 3));
}

std::string FileOf::bytes() const {
  std::string pages;
  std::vector<CompactStruct> row_groups;
  uint64_t all = 0;  // which does wrap around
  for (const GroupOf& group : groups) {
    const size_t start = pages.size() + 4;
    for (const PageOf& page : group.pages) {
      absl::StrAppend(&pages, page.Header().bytes(), page.body);
    }
    const size_t size = pages.size() + 4 - start;
    CompactStruct metadata;
    metadata.Integer(1, type)
        .Binaries(3, group.path)
        .Integer(4, group.codec)
        .Integer(5, Or(group.values, static_cast<size_t>(group.rows)))
        .Integer(7, Or(group.bytes, size))
        .Integer(9, Or(group.start, start));
    CompactStruct chunk;
    if (!group.in_file.empty()) chunk.Binary(1, group.in_file);
    chunk.Integer(2, 0).Struct(3, metadata);
    if (group.encrypted) chunk.Struct(8, CompactStruct());
    row_groups.push_back(
        CompactStruct().Structs(1, {chunk}).Integer(3, group.rows));
    all += static_cast<uint64_t>(group.rows);
  }
  const CompactStruct text = CompactStruct()
                                 .Integer(1, type)
                                 .Integer(3, repetition)
                                 .Binary(4, "text")
                                 .Integer(6, converted);
  return Assemble(pages, CompactStruct()
                             .Integer(1, 2)
                             .Structs(2, {Root(1), text})
                             .Integer(3, Or(rows, all))
                             .Structs(4, row_groups)
                             .bytes());
}

std::string FileOfSchema(int64_t members, std::vector<CompactStruct> elements) {
  elements.insert(elements.begin(), Root(members));
  return Assemble("", CompactStruct()
                          .Integer(1, 2)
                          .Structs(2, elements)
                          .Integer(3, 0)
                          .Structs(4, {})
                          .bytes());
}

std::string Assemble(absl::string_view pages, absl::string_view metadata) {
  return absl::StrCat("PAR1", pages, metadata, Length(metadata.size()), "PAR1");
}

}  // namespace polarize
