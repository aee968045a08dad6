#include "experiments/pretrained/text/parquet/parquet_prompts.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/parquet/parquet_testing.h"
#include "experiments/pretrained/text/prompt_file.h"
#include "experiments/pretrained/text/prompts.h"
#include "experiments/pretrained/text/tokenizer_testing.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "snappy.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;
using Texts = std::vector<std::string>;

constexpr int64_t kDictionaryEncoding = 8;

// Backwards: in any order.
Texts TextsOf(PromptFile* file) {
  Texts texts(file->size());
  for (size_t i = file->size(); i-- > 0;) {
    const absl::StatusOr<std::string> text = file->Text(i);
    EXPECT_TRUE(text.ok()) << text.status();
    texts[i] = text.value_or("(none)");
  }
  return texts;
}

Texts TextsAt(const std::string& path) {
  absl::StatusOr<PromptFile> file = PromptFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? TextsOf(&*file) : Texts{};
}

std::string ErrorAt(const std::string& path) {
  const absl::StatusOr<PromptFile> file = PromptFile::Open(path);
  EXPECT_FALSE(file.ok());
  const std::string message(file.status().message());
  EXPECT_THAT(message, StartsWith(path + ": "));
  return message.substr(std::min(message.size(), path.size() + 2));
}

// Files of pyarrow's.

TEST(FixturesTest, HaveTheDocumentsOfTheJsonFile) {
  const Texts want = TextsAt(FixturePath("texts.jsonl"));
  ASSERT_EQ(want.size(), 40u);
  for (const std::string& name : GoodFixtures()) {
    SCOPED_TRACE(name);
    const std::string path = FixturePath(name + ".parquet");
    absl::StatusOr<PromptFile> file = PromptFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(TextsOf(&*file), want);
    for (const size_t i : {0, 39, 17, 16, 17, 5, 30, 6}) {
      EXPECT_EQ(file->Text(i).value_or(""), want[i]);
    }
    EXPECT_EQ(file->Place(17), path + ": row 17");
  }
}

// Pages and dictionaries as the fixtures are meant to have them.
TEST(FixturesTest, HaveTheirPages) {
  const auto pages = [](const std::string& name) {
    absl::StatusOr<std::unique_ptr<PromptReader>> reader =
        OpenParquetPrompts(FixturePath(name + ".parquet"));
    EXPECT_TRUE(reader.ok()) << reader.status();
    std::vector<size_t> sizes;
    while ((*reader)->Next().value_or(false)) {
      sizes.push_back((*reader)->size());
    }
    return sizes;
  };
  EXPECT_THAT(pages("snappy"), ElementsAre(16, 16, 8));
  EXPECT_THAT(pages("required"), ElementsAre(40));
  for (const char* name : {"snappy_v2", "plain", "dictionary_v2", "fallback"}) {
    EXPECT_GT(pages(name).size(), 5u) << name;
  }
}

TEST(FixturesTest, GiveTheSamePrompts) {
  const absl::StatusOr<Tokenizer> tokenizer =
      Tokenizer::FromBytes(SmallModel().SerializeAsString(), "small.model");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  PromptChoice choice;
  choice.samples = 25;
  choice.max_tokens = 100;
  const auto read = [&](const std::string& name) {
    absl::StatusOr<std::vector<Prompt>> prompts =
        ReadPrompts(FixturePath(name), choice, *tokenizer);
    EXPECT_TRUE(prompts.ok()) << prompts.status();
    return prompts.value_or(std::vector<Prompt>());
  };
  const std::vector<Prompt> want = read("texts.jsonl");
  for (const std::string& name : GoodFixtures()) {
    const std::vector<Prompt> got = read(name + ".parquet");
    ASSERT_EQ(got.size(), want.size()) << name;
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(got[i].document, want[i].document) << name;
      EXPECT_EQ(got[i].ids, want[i].ids) << name;
      EXPECT_EQ(got[i].place, absl::StrCat(FixturePath(name), ".parquet: row ",
                                           got[i].document));
    }
  }
}

TEST(FixturesTest, RefusesOthers) {
  const auto error = [](const std::string& name) {
    return ErrorAt(FixturePath(name + ".parquet"));
  };
  EXPECT_EQ(error("null"), "row group 1, column text: row 30 is null");
  EXPECT_EQ(error("null_v2"), "row group 0, column text: row 2 is null");
  EXPECT_EQ(error("zstd"),
            "row group 0, column text: compressed with ZSTD; only SNAPPY and "
            "UNCOMPRESSED are read");
  EXPECT_EQ(error("gzip"),
            "row group 0, column text: compressed with GZIP; only SNAPPY and "
            "UNCOMPRESSED are read");
  EXPECT_EQ(error("delta"),
            "row group 0, column text: a page encoded as DELTA_BYTE_ARRAY; "
            "only PLAIN and dictionaries are read");
  EXPECT_EQ(error("binary"), "column text: of another type than text (STRING)");
  EXPECT_EQ(error("list"), "column text: a group of columns");
  EXPECT_EQ(error("no_text"), "no column \"text\" (there are: inner, meta)");
  EXPECT_EQ(error("no_rows"), "no documents");
}

// Files written here.

class ParquetPromptsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& bytes) const {
    const std::string path = folder_.path() + "/a.parquet";
    OverwriteFile(path, bytes);
    return path;
  }
  Texts Read(const FileOf& file) const { return TextsAt(Write(file.bytes())); }
  std::string Error(const std::string& bytes) const {
    return ErrorAt(Write(bytes));
  }
  std::string Error(const FileOf& file) const { return Error(file.bytes()); }
  // The same of a file with one row group, which the error is about.
  std::string GroupError(const GroupOf& group, int64_t repetition = 0) const {
    FileOf file;
    file.repetition = repetition;
    file.groups = {group};
    const std::string error = Error(file);
    const std::string start = "row group 0, column text: ";
    EXPECT_THAT(error, StartsWith(start));
    return error.substr(std::min(error.size(), start.size()));
  }
  std::string PageError(const PageOf& page, int64_t repetition = 0) const {
    GroupOf group;
    group.rows = page.values;
    group.pages = {page};
    return GroupError(group, repetition);
  }

  TestFolder folder_;
};

PageOf Page(const Texts& texts) {
  PageOf page;
  page.values = static_cast<int64_t>(texts.size());
  page.body = PlainTexts(texts);
  return page;
}

PageOf Dictionary(const Texts& texts) {
  PageOf page = Page(texts);
  page.kind = 2;
  return page;
}

PageOf Indices(int64_t values, const std::string& body) {
  PageOf page;
  page.values = values;
  page.encoding = kDictionaryEncoding;
  page.body = body;
  return page;
}

GroupOf Group(int64_t rows, const std::vector<PageOf>& pages) {
  GroupOf group;
  group.rows = rows;
  group.pages = pages;
  return group;
}

GroupOf Snappy(GroupOf group) {
  group.codec = 1;
  for (PageOf& page : group.pages) {
    page.unpacked_bytes = static_cast<int64_t>(page.body.size());
    std::string packed;
    snappy::Compress(page.body.data() + page.level_bytes,
                     page.body.size() - static_cast<size_t>(page.level_bytes),
                     &packed);
    page.body = page.body.substr(0, page.level_bytes) + packed;
  }
  return group;
}

TEST_F(ParquetPromptsTest, GroupsAndPages) {
  FileOf file;
  file.groups = {Group(3, {Page({"a", "bc"}), Page({}), Page({""})}),
                 Group(0, {}),
                 Snappy(Group(4, {Dictionary({"x", "yy"}),
                                  Indices(3, "\x01\x03\x05"), Page({"z"})})),
                 Group(1, {Page({"end"})})};
  EXPECT_THAT(Read(file),
              ElementsAre("a", "bc", "", "yy", "x", "yy", "z", "end"));
}

TEST_F(ParquetPromptsTest, Levels) {
  FileOf file;
  file.repetition = 1;
  PageOf one = Page({"a", "b"});
  one.body = Length(Levels(2).size()) + Levels(2) + one.body;
  PageOf two = Page({"c", "d", "e"});
  two.kind = 3;
  two.level_bytes = static_cast<int64_t>(Levels(3).size());
  two.body = Levels(3) + two.body;
  file.groups = {Group(5, {one, two}), Snappy(Group(5, {one, two}))};
  EXPECT_THAT(Read(file),
              ElementsAre("a", "b", "c", "d", "e", "a", "b", "c", "d", "e"));
  // In a compressed column, a page that is not.
  two.is_compressed = false;
  GroupOf group = Group(3, {two});
  group.codec = 1;
  file.groups = {group};
  EXPECT_THAT(Read(file), ElementsAre("c", "d", "e"));
}

// A terabyte, if each were a copy.
TEST_F(ParquetPromptsTest, OneTextOften) {
  const std::string text(1 << 20, 'x');
  FileOf file;
  // A run of 1048576 indices of no bits.
  file.groups = {Group(
      1 << 20, {Dictionary({text}),
                Indices(1 << 20, std::string(1, '\0') + "\x80\x80\x80\x01")})};
  absl::StatusOr<PromptFile> prompts = PromptFile::Open(Write(file.bytes()));
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  EXPECT_EQ(prompts->size(), size_t{1} << 20);
  EXPECT_EQ(prompts->Text(1000000).value_or(""), text);
}

TEST_F(ParquetPromptsTest, FilesThatAreNone) {
  const std::string none =
      "not a Parquet file (\"PAR1\" is not at its start and end)";
  EXPECT_EQ(Error(""), none);
  EXPECT_EQ(Error("PAR1PAR1"), none);
  EXPECT_EQ(Error("{\"text\": \"a\"}"), none);
  EXPECT_EQ(Error("PAR2" + Fixture("snappy.parquet").substr(4)), none);
  EXPECT_EQ(Error("PAR1" + Length(0) + "PARE"), "encrypted");
  EXPECT_EQ(Error("PAR1" + Length(1) + "PAR1"),
            "metadata longer than the file");
  const std::string metadata((16 << 20) + 1, '\0');
  EXPECT_EQ(Error(Assemble("", metadata)),
            "metadata of 16777217 bytes; at most 16777216");
  EXPECT_EQ(Error(Assemble("", "")), "its metadata: it ends early");
  EXPECT_EQ(Error(Assemble("", std::string(1, '\0'))),
            "its metadata: no schema");
  EXPECT_EQ(Error(Assemble("", CompactStruct().Structs(4, {}).bytes())),
            "its metadata: row groups, but no schema");
  EXPECT_EQ(Error(Assemble("", CompactStruct().Integer(2, 0).bytes())),
            "its metadata: a field of another type than Parquet has");
}

CompactStruct Leaf(const std::string& name) {
  return CompactStruct().Integer(1, 6).Integer(3, 0).Binary(4, name).Integer(6,
                                                                             0);
}

CompactStruct Members(const std::string& name, int64_t members) {
  return CompactStruct().Integer(3, 1).Binary(4, name).Integer(5, members);
}

TEST_F(ParquetPromptsTest, Schemas) {
  EXPECT_EQ(Error(FileOfSchema(1, {Leaf("text")})), "no documents");
  EXPECT_EQ(Error(FileOfSchema(2, {Members("text", 1), Leaf("text")})),
            "column text: a group of columns");
  EXPECT_EQ(Error(FileOfSchema(2, {Members("a", 1), Leaf("text"), Leaf("b")})),
            "no column \"text\" (there are: a, b)");
  EXPECT_EQ(
      Error(FileOfSchema(2, {Members("a", 1), Members("b", 0), Leaf("text")})),
      "no documents");
  EXPECT_EQ(Error(FileOfSchema(2, {Leaf("text"), Leaf("text")})),
            "two columns \"text\"");
  EXPECT_EQ(Error(FileOfSchema(2, {Leaf("text")})),
            "a schema with columns too few");
  EXPECT_EQ(Error(FileOfSchema(1, {Leaf("text"), Leaf("a")})),
            "a schema with columns too many");
  EXPECT_EQ(Error(FileOfSchema(1, {Members("a", -1)})),
            "a schema with a negative number of columns");
  EXPECT_EQ(Error(FileOfSchema(-1, {})), "a schema without a root");
  EXPECT_EQ(Error(FileOfSchema(1, {Leaf(std::string(50, 'a') + "\n")})),
            absl::StrCat("no column \"text\" (there are: ",
                         std::string(37, 'a'), "...)"));
  // The newer mark of a text, the newer mark of another type, and none.
  const auto marked = [](int mark) {
    CompactStruct leaf;
    leaf.Integer(1, 6).Integer(3, 0).Binary(4, "text");
    if (mark == 0) return leaf;
    return leaf.Struct(10, CompactStruct().Struct(mark, CompactStruct()));
  };
  const std::string other = "column text: of another type than text (STRING)";
  EXPECT_EQ(Error(FileOfSchema(1, {marked(1)})), "no documents");
  EXPECT_EQ(Error(FileOfSchema(1, {marked(4)})), other);
  EXPECT_EQ(Error(FileOfSchema(1, {marked(0)})), other);
  FileOf file;
  file.converted = 1;
  EXPECT_EQ(Error(file), other);
  file = FileOf();
  file.type = 7;
  EXPECT_EQ(Error(file), other);
  file = FileOf();
  file.repetition = 2;
  EXPECT_EQ(Error(file), "column text: repeated; one text a row is read");
  file.repetition = 3;
  EXPECT_EQ(Error(file), "column text: neither required nor optional");
}

TEST_F(ParquetPromptsTest, RowGroups) {
  const GroupOf good = Group(2, {Page({"a", "b"})});
  FileOf file;
  file.groups = {good, good};
  file.rows = 5;
  EXPECT_EQ(Error(file), "row groups of 4 rows in a file of 5");
  GroupOf bad = good;
  bad.codec = 9;
  EXPECT_EQ(GroupError(bad),
            "compressed with an unknown method; only SNAPPY and UNCOMPRESSED "
            "are read");
  bad = good;
  bad.values = 3;
  EXPECT_EQ(GroupError(bad),
            "a row group of 2 rows with 3 values in the column");
  bad = good;
  bad.rows = -1;
  EXPECT_EQ(GroupError(bad),
            "a row group of -1 rows with -1 values in the column");
  bad = good;
  bad.encrypted = true;
  EXPECT_EQ(GroupError(bad), "encrypted");
  bad = good;
  bad.in_file = "b.parquet";
  EXPECT_EQ(GroupError(bad), "in another file");
  for (const Texts& path :
       {Texts{"text", "text"}, Texts{"txt"}, Texts{}, Texts{"a", "text"}}) {
    bad = good;
    bad.path = path;
    EXPECT_EQ(GroupError(bad), "it is not where the schema has it");
  }
  for (const int64_t start :
       {int64_t{0}, int64_t{3}, int64_t{1} << 40, INT64_MAX}) {
    bad = good;
    bad.start = start;
    EXPECT_EQ(GroupError(bad), "its pages are not inside the file") << start;
  }
  for (const int64_t bytes : {int64_t{100}, int64_t{1} << 60, INT64_MAX}) {
    bad = good;
    bad.bytes = bytes;
    EXPECT_EQ(GroupError(bad), "its pages are not inside the file") << bytes;
  }
  bad = good;
  bad.start = 4;
  file = FileOf();
  file.groups = {good, bad};
  EXPECT_EQ(Error(file),
            "row group 1, column text: its pages start before those of the row "
            "group before end");
  // Rows whose sum would overflow.
  bad = Group(0, {});
  bad.rows = bad.values = int64_t{1} << 60;
  file.groups = {bad, bad};
  EXPECT_EQ(Error(file), "row group 1, column text: too many rows");
}

TEST_F(ParquetPromptsTest, Chunks) {
  const PageOf page = Page({"a", "b"});
  EXPECT_EQ(GroupError(Group(3, {page})), "1 of its 3 rows are missing");
  EXPECT_EQ(GroupError(Group(3, {page, page})),
            "more rows than the row group has");
  EXPECT_EQ(GroupError(Group(2, {page, Page({})})),
            "more follows its last page");
  EXPECT_EQ(GroupError(Group(2, {Dictionary({"a"}), Dictionary({"a"})})),
            "a second dictionary");
  EXPECT_EQ(GroupError(Group(2, {Dictionary({"a"})})),
            "2 of its 2 rows are missing");
  EXPECT_EQ(GroupError(Group(1, {})), "a page's header: it ends early");
  GroupOf cut = Group(2, {page});
  cut.bytes = 5;
  EXPECT_EQ(GroupError(cut), "a page's header: it ends early");
  cut.bytes = static_cast<int64_t>(page.Header().bytes().size() + 3);
  EXPECT_EQ(GroupError(cut), "a page longer than the row group's");
}

TEST_F(ParquetPromptsTest, PageHeaders) {
  PageOf page = Page({"a", "b"});
  page.kind = 1;
  EXPECT_EQ(PageError(page), "a page of kind 1");
  page.kind = int64_t{1} << 32;
  EXPECT_EQ(PageError(page), "a page of kind 4294967296");
  page = Page({"a", "b"});
  page.encoding = 77;
  EXPECT_EQ(PageError(page),
            "a page encoded as an unknown encoding; only PLAIN and "
            "dictionaries are read");
  page = Page({"a", "b"});
  page.level_encoding = 4;
  EXPECT_EQ(PageError(page),
            "definition levels encoded as BIT_PACKED; only RLE is read");
  page = Dictionary({"a", "b"});
  page.encoding = kDictionaryEncoding;
  EXPECT_EQ(PageError(page),
            "a page encoded as RLE_DICTIONARY; only PLAIN and dictionaries are "
            "read");
  page.kind = 3;
  page.encoding = 0;
  page.repetition_bytes = 1;
  EXPECT_EQ(PageError(page), "a page of repeated texts");
  page.repetition_bytes = 0;
  page.rows = 1;
  EXPECT_EQ(PageError(page), "a page of 1 rows with 2 values");
  page.rows = -1;
  for (const int64_t bytes : {int64_t{-1}, int64_t{11}, INT64_MAX}) {
    page.level_bytes = bytes;
    EXPECT_EQ(PageError(page), "a page smaller than its definition levels");
  }
}

// No header grows memory by more than what the file has.
TEST_F(ParquetPromptsTest, SizesThatLie) {
  PageOf page = Page({"a", "b"});
  page.bytes = (64 << 20) + 1;
  EXPECT_EQ(PageError(page),
            "a page of 67108865 bytes, unpacked 10; at most 67108864");
  page.bytes = INT64_MIN;
  EXPECT_EQ(PageError(page),
            "a page of -9223372036854775808 bytes, unpacked 10; at most "
            "67108864");
  page.bytes = 64 << 20;
  EXPECT_EQ(PageError(page), "a page longer than the row group's");
  page.bytes = -1;
  page.unpacked_bytes = 64 << 20;
  EXPECT_EQ(PageError(page), "a page of 10 bytes that claims 67108864");
  page.unpacked_bytes = INT64_MAX;
  EXPECT_EQ(PageError(page),
            "a page of 10 bytes, unpacked 9223372036854775807; at most "
            "67108864");
  page.unpacked_bytes = -1;
  page.values = (1 << 20) + 1;
  EXPECT_EQ(PageError(page), "a page of 1048577 values; at most 1048576");
  page.values = 1 << 20;
  EXPECT_EQ(PageError(page), "a page that is cut");

  const std::string lie = "a compressed page that lies about its size";
  GroupOf group = Snappy(Group(2, {Page({"a", "b"})}));
  group.pages[0].unpacked_bytes = 11;
  EXPECT_EQ(GroupError(group), lie);
  // It says 64 MiB itself, in ten bytes.
  group.pages[0].unpacked_bytes = 64 << 20;
  group.pages[0].body = std::string("\x80\x80\x80\x20\x00zzzzz", 10);
  EXPECT_EQ(GroupError(group), lie);
  group.pages[0].body = "";
  EXPECT_EQ(GroupError(group), lie);
  group = Snappy(Group(2, {Page({"a", "b"})}));
  group.pages[0].body.pop_back();
  EXPECT_EQ(GroupError(group), "a compressed page that is damaged");
}

TEST_F(ParquetPromptsTest, PlainTexts) {
  PageOf page = Page({"a", "b"});
  page.body += "x";
  EXPECT_EQ(PageError(page), "a page with more than its texts");
  page = Page({"a", "b"});
  page.body.pop_back();
  EXPECT_EQ(PageError(page), "row 1 is cut");
  page.body[0] = '\x7f';
  EXPECT_EQ(PageError(page), "row 0 is cut");
  page.body.resize(7);
  EXPECT_EQ(PageError(page), "a page that is cut");
  EXPECT_EQ(PageError(Page({"a", "b\xff"})), "row 1 is not UTF-8");
  EXPECT_EQ(GroupError(Group(1, {Dictionary({"a", "\xed\xa0\x80"})})),
            "the dictionary's text 1 is not UTF-8");
  EXPECT_EQ(PageError(Page({std::string((16 << 20) + 1, 'a')})),
            "row 0 has more than 16777216 bytes");
  FileOf file;
  file.groups = {Group(1, {Page({std::string(16 << 20, 'a')})})};
  EXPECT_EQ(Read(file)[0].size(), size_t{16} << 20);
}

TEST_F(ParquetPromptsTest, Dictionaries) {
  const PageOf dictionary = Dictionary({"a", "b", "c"});
  const auto error = [&](int64_t values, const std::string& body) {
    return GroupError(Group(values, {dictionary, Indices(values, body)}));
  };
  EXPECT_EQ(error(1, "\x02\x02\x03"), "index 3 into a dictionary of 3 texts");
  EXPECT_EQ(error(1, ""), "a page that is cut");
  EXPECT_EQ(error(1, "\x02"), "indices: a run without a length");
  EXPECT_EQ(error(1, "\x21\x02\x01\x01\x01\x01\x01"),
            "indices: numbers of more than 32 bits");
  EXPECT_EQ(error(1, "\x02\x04\x01"), "indices: a run that is cut or too long");
  EXPECT_EQ(GroupError(Group(1, {Indices(1, "\x02\x02\x01")})),
            "index 1 into a dictionary of 0 texts");
  // The first row group's dictionary is not the second's.
  FileOf file;
  file.groups = {Group(1, {dictionary, Indices(1, "\x02\x02\x02")}),
                 Group(1, {Indices(1, "\x02\x02\x02")})};
  EXPECT_EQ(Error(file),
            "row group 1, column text: index 2 into a dictionary of 0 texts");
}

TEST_F(ParquetPromptsTest, BadLevels) {
  PageOf page = Page({"a", "b"});
  const auto error = [&](const std::string& body) {
    PageOf with_levels = page;
    with_levels.body = body;
    return PageError(with_levels, 1);
  };
  EXPECT_EQ(error(Length(3) + "\x04\x01"), "definition levels that are cut");
  EXPECT_EQ(error("\x02"), "definition levels that are cut");
  EXPECT_EQ(error(Length(2) + Levels(3) + page.body),
            "definition levels: a run that is cut or too long");
  EXPECT_EQ(error(Length(2) + std::string("\x03\x01", 2) + page.body),
            "row 1 is null");
  EXPECT_EQ(error(Length(2) + Levels(2) + PlainTexts({"a"})),
            "a page that is cut");
  page.kind = 3;
  page.level_bytes = 2;
  page.body = Levels(2) + page.body;
  EXPECT_EQ(PageError(page), "definition levels in a column without nulls");
}

// A page's header that holds texts as its statistics.
TEST_F(ParquetPromptsTest, LongHeaders) {
  const auto with_statistics = [](size_t size) {
    const PageOf page = Page({"a"});
    const CompactStruct header =
        CompactStruct()
            .Integer(1, 0)
            .Integer(2, static_cast<int64_t>(page.body.size()))
            .Integer(3, static_cast<int64_t>(page.body.size()))
            .Struct(5, CompactStruct()
                           .Integer(1, 1)
                           .Integer(2, 0)
                           .Integer(3, 3)
                           .Struct(5, CompactStruct().Binary(
                                          1, std::string(size, 'x'))));
    return header.bytes() + page.body;
  };
  for (const size_t size : {10000, 17000, 1000000, 1100000}) {
    const std::string pages = with_statistics(size);
    const CompactStruct metadata =
        CompactStruct()
            .Integer(1, 6)
            .Binaries(3, {"text"})
            .Integer(4, 0)
            .Integer(5, 1)
            .Integer(7, static_cast<int64_t>(pages.size()))
            .Integer(9, 4);
    const std::string path = Write(Assemble(
        pages,
        CompactStruct()
            .Structs(2, {Members("schema", 1), Leaf("text")})
            .Integer(3, 1)
            .Structs(4, {CompactStruct()
                             .Structs(1, {CompactStruct().Struct(3, metadata)})
                             .Integer(3, 1)})
            .bytes()));
    if (size <= 1000000) {
      EXPECT_THAT(TextsAt(path), ElementsAre("a")) << size;
    } else {
      EXPECT_EQ(ErrorAt(path),
                "row group 0, column text: a page's header: it ends early");
    }
  }
}

// Damage.

// Either an error or the right documents, where other columns are damaged.
void ExpectErrorOr(const Texts& want, const std::string& path) {
  absl::StatusOr<PromptFile> file = PromptFile::Open(path);
  if (file.ok()) {
    EXPECT_EQ(TextsOf(&*file), want);
  } else {
    EXPECT_THAT(std::string(file.status().message()), StartsWith(path + ": "));
  }
}

TEST_F(ParquetPromptsTest, EveryTruncation) {
  const std::string whole = Fixture("required.parquet");
  const Texts want = TextsAt(FixturePath("texts.jsonl"));
  size_t footer = 0;
  for (size_t i = 4; i > 0; --i) {
    footer = footer << 8 | static_cast<uint8_t>(whole[whole.size() - 9 + i]);
  }
  footer += 8;
  const std::string end = whole.substr(whole.size() - footer);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(Error(whole.substr(0, size)), "") << size;
    // Pages that are cut before metadata that are whole.
    if (size + footer < whole.size()) {
      ExpectErrorOr(want, Write(whole.substr(0, size) + end));
    }
    // Metadata that are cut, of the right length.
    if (size < footer - 8) {
      EXPECT_NE(Error(Assemble(whole.substr(4, whole.size() - footer - 4),
                               end.substr(0, size))),
                "");
    }
  }
}

TEST_F(ParquetPromptsTest, EveryByteOfThePages) {
  const std::string whole = Fixture("snappy_v2.parquet");
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (i % 3 == 0 ? 0xff : 0x11));
    absl::StatusOr<PromptFile> file = PromptFile::Open(Write(damaged));
    if (!file.ok()) continue;
    for (size_t document = 0; document < file->size(); ++document) {
      EXPECT_TRUE(file->Text(document).ok()) << i;
    }
  }
}

TEST_F(ParquetPromptsTest, NoticesAChange) {
  FileOf file;
  file.groups = {Group(1, {Page({"one"})}), Group(2, {Page({"two", "more"})})};
  std::string bytes = file.bytes();
  const std::string path = Write(bytes);
  absl::StatusOr<PromptFile> prompts = PromptFile::Open(path);
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  EXPECT_EQ(prompts->Text(0).value_or(""), "one");
  const size_t changed = bytes.find("more");
  bytes[changed] = '\xff';
  Write(bytes);
  EXPECT_EQ(prompts->Text(2).status().message(),
            path + ": row group 1, column text: row 2 is not UTF-8");
  // As long, but one text.
  file.groups[1] = Group(1, {Page({"two or more"})});
  bytes = file.bytes();
  Write(bytes);
  EXPECT_EQ(prompts->Text(2).status().message(),
            path + ": row 2: the file has changed while it was read");
  EXPECT_EQ(prompts->Text(0).value_or(""), "one");
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(changed - 10)), 0);
  EXPECT_EQ(prompts->Text(2).status().message(),
            path + ": row group 1, column text: cannot read " + path +
                ": it has become shorter meanwhile");
}

}  // namespace
}  // namespace polarize
