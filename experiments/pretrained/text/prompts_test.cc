#include "experiments/pretrained/text/prompts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/line_file.h"
#include "experiments/pretrained/text/prompt_file.h"
#include "experiments/pretrained/text/tokenizer_testing.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Indices = std::vector<uint32_t>;
using Texts = std::vector<std::string>;

// The sample.

Indices Chosen(size_t documents, uint64_t samples, uint64_t seed) {
  PromptChoice choice;
  choice.samples = samples;
  choice.seed = seed;
  const absl::StatusOr<Indices> chosen = ChooseDocuments(documents, choice);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  return chosen.value_or(Indices{});
}

uint64_t Sum(const Indices& indices) {
  return std::accumulate(indices.begin(), indices.end(), uint64_t{0});
}

Indices First(Indices indices, size_t n) {
  indices.resize(n);
  return indices;
}

// The reference's 1000 of 10000.
TEST(ChooseDocumentsTest, TheFiguresDocuments) {
  const absl::StatusOr<Indices> chosen = ChooseDocuments(10000, {});
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  ASSERT_EQ(chosen->size(), 1000u);
  EXPECT_THAT(
      First(*chosen, 20),
      ElementsAre(1824, 409, 4506, 4012, 3657, 2286, 1679, 8935, 1424, 9674,
                  6912, 520, 488, 1535, 3582, 3811, 8279, 9863, 434, 9195));
  EXPECT_THAT(Indices(chosen->end() - 5, chosen->end()),
              ElementsAre(7994, 8864, 588, 1121, 3846));
  EXPECT_EQ(Sum(*chosen), 5062683u);
}

// From CPython 3.11.7, on both sides of where it changes its method.
TEST(ChooseDocumentsTest, OtherSamples) {
  const Indices set = Chosen(10000, 1365, 42);
  EXPECT_EQ(Sum(set), 6853162u);
  EXPECT_THAT(Indices(set.end() - 4, set.end()),
              ElementsAre(9394, 6626, 6843, 4743));
  const Indices list = Chosen(10000, 1366, 42);
  EXPECT_EQ(Sum(list), 6800678u);
  EXPECT_THAT(Indices(list.end() - 4, list.end()),
              ElementsAre(7155, 1734, 9285, 7138));
  EXPECT_THAT(Chosen(60, 10, 7),
              ElementsAre(20, 9, 25, 41, 3, 4, 52, 34, 6, 23));
  EXPECT_THAT(Chosen(20000, 6, (uint64_t{1} << 40) + 1),
              ElementsAre(5759, 540, 17420, 1720, 7622, 19787));
}

TEST(ChooseDocumentsTest, AllAndTooMany) {
  EXPECT_THAT(Chosen(4, 0, 42), ElementsAre(0, 1, 2, 3));
  PromptChoice choice;
  choice.samples = 5;
  EXPECT_EQ(ChooseDocuments(4, choice).status().message(),
            "5 samples of 4 documents; --samples=0 takes every document");
}

// Files.

class PromptFileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  // The documents of a file of this name and contents.
  Texts Read(const std::string& name, const std::string& contents) {
    EXPECT_TRUE(WriteFileWhole(Path(name), contents).ok());
    absl::StatusOr<PromptFile> file = PromptFile::Open(Path(name));
    EXPECT_TRUE(file.ok()) << file.status();
    if (!file.ok()) return {};
    Texts texts(file->size());
    places_.resize(file->size());
    // Backwards: in any order.
    for (size_t i = file->size(); i-- > 0;) {
      const absl::StatusOr<std::string> text = file->Text(i);
      EXPECT_TRUE(text.ok()) << text.status();
      texts[i] = text.value_or("(none)");
      places_[i] = file->Place(i);
    }
    return texts;
  }
  // The error, without the file's name in front.
  std::string Error(const std::string& name, const std::string& contents) {
    EXPECT_TRUE(WriteFileWhole(Path(name), contents).ok());
    const absl::StatusOr<PromptFile> file = PromptFile::Open(Path(name));
    EXPECT_FALSE(file.ok());
    const std::string message(file.status().message());
    EXPECT_THAT(message, StartsWith(Path(name)));
    return message.substr(Path(name).size());
  }

  TestFolder folder_;
  Texts places_;
};

TEST_F(PromptFileTest, BlankLinesSeparateDocuments) {
  EXPECT_THAT(Read("a.txt", "one\ntwo\n\n \t\r\n\n  three \r\nfour"),
              ElementsAre("one\ntwo", "  three \r\nfour"));
  EXPECT_THAT(places_, ElementsAre(Path("a.txt") + ":1", Path("a.txt") + ":6"));
  EXPECT_THAT(Read("a.txt", "\n\n\nx\n"), ElementsAre("x"));
  EXPECT_THAT(Read("a.txt", "\xff\xfe\n"), ElementsAre("\xff\xfe"));
  EXPECT_THAT(Read("a.txt", std::string("a\0b", 3)),
              ElementsAre(std::string("a\0b", 3)));
}

TEST_F(PromptFileTest, ManyAndLongLines) {
  Texts want;
  std::string contents;
  for (size_t i = 0; i < 3000; ++i) {
    want.push_back(std::string(i, 'x') + "\n" + std::to_string(i));
    if (i == 0) want.back() = "0";  // an empty first line is no line of it
    absl::StrAppend(&contents, want.back(), "\n\n");
  }
  want.push_back(std::string(1000000, 'y'));
  contents += want.back();
  EXPECT_EQ(Read("a.txt", contents), want);
}

TEST_F(PromptFileTest, JsonLines) {
  EXPECT_THAT(Read("a.jsonl",
                   "{\"text\": \"one\\ntwo\\u00e9\\ud83d\\ude00\\u0000\"}\r\n"
                   "\n"
                   "{\"meta\": {\"n\": [1, {}], \"text\": 2}, \"text\": \"\"}"),
              ElementsAre(std::string("one\ntwo\u00e9\U0001f600\0", 14), ""));
  EXPECT_THAT(places_,
              ElementsAre(Path("a.jsonl") + ":1", Path("a.jsonl") + ":3"));
  const std::string long_text(3000000, 'z');
  EXPECT_THAT(Read("a.jsonl", absl::StrCat("{\"text\":\"", long_text, "\"}")),
              ElementsAre(long_text));
}

std::string Row(int index, const std::string& text) {
  return absl::StrCat("{\"row_idx\":", index, ",\"row\":{\"text\":\"", text,
                      "\",\"meta\":{}},\"truncated_cells\":[]}");
}

std::string Page(const std::string& rows, int in_all) {
  return absl::StrCat("{\"features\":[{\"name\":\"text\"}],\"rows\":[", rows,
                      "],\"num_rows_total\":", in_all, ",\"partial\":false}\n");
}

TEST_F(PromptFileTest, Pages) {
  EXPECT_THAT(Read("a.jsonl", Page(Row(0, "a") + "," + Row(1, "b"), 3) +
                                  Page(Row(2, "c"), 3) + Page("", 3)),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(places_,
              ElementsAre(Path("a.jsonl") + ":1", Path("a.jsonl") + ":1",
                          Path("a.jsonl") + ":2"));
}

TEST_F(PromptFileTest, PagesThatAreNotWhole) {
  EXPECT_EQ(Error("a.jsonl", Page(Row(0, "a"), 2)),
            ": 1 rows of a data set of 2: pages are missing");
  EXPECT_EQ(Error("a.jsonl", Page(Row(0, "a"), 3) + Page(Row(2, "c"), 3)),
            ":2: a page that starts with row 2 where row 1 should follow");
  EXPECT_EQ(Error("a.jsonl", Page(Row(0, "a") + "," + Row(0, "a"), 2)),
            ":1: row 0 follows row 0");
  EXPECT_EQ(Error("a.jsonl", Page("{\"row_idx\":0,\"row\":{\"text\":\"a\"},"
                                  "\"truncated_cells\":[\"text\"]}",
                                  1)),
            ":1: row 0 is not whole (\"truncated_cells\")");
  EXPECT_EQ(
      Error("a.jsonl", Page("{\"row_idx\":0,\"row\":{\"body\":\"\"}}", 1)),
      ":1: row 0: no field \"text\" (there are: body)");
  EXPECT_EQ(Error("a.jsonl", Page("{\"row_idx\":0.5,\"row\":{}}", 1)),
            ":1: a row without \"row_idx\" and \"row\"");
  EXPECT_EQ(Error("a.jsonl", Page("7", 1)),
            ":1: a row without \"row_idx\" and \"row\"");
  EXPECT_EQ(Error("a.jsonl", "{\"rows\":[],\"num_rows_total\":-1}"),
            ":1: \"num_rows_total\" must be a whole number");
}

TEST_F(PromptFileTest, BadJson) {
  const std::string good = "{\"text\":\"a\"}\n";
  EXPECT_THAT(Error("a.jsonl", good + "{\"text\":"),
              StartsWith(":2: not a JSON object: "));
  EXPECT_THAT(Error("a.jsonl", good + "\n[1]\n"),
              StartsWith(":3: not a JSON object: "));
  EXPECT_THAT(Error("a.jsonl", good + "\"text\"\n"),
              StartsWith(":2: not a JSON object: "));
  EXPECT_THAT(Error("a.jsonl", good + good.substr(0, 5) + "\n" + good),
              StartsWith(":2: not a JSON object: "));
  EXPECT_THAT(Error("a.jsonl", "{\"text\":\"a\",\"text\":\"b\"}"),
              StartsWith(":1: not a JSON object: "));
  EXPECT_THAT(Error("a.jsonl", "{\"text\":\"\\ud800\"}"),
              StartsWith(":1: not a JSON object: "));
  EXPECT_EQ(Error("a.jsonl", "{\"text\":\"\xff\"}"),
            ":1: bytes that are not UTF-8");
  EXPECT_EQ(Error("a.jsonl", good + "{\"txt\":\"a\",\"b\":1}"),
            ":2: no field \"text\" (there are: b, txt)");
  EXPECT_EQ(Error("a.jsonl", "{\"error\":\"not found\"}"),
            ":1: no field \"text\" (there are: error)");
  EXPECT_EQ(Error("a.jsonl", "{\"text\":7}"),
            ":1: field \"text\" must be a text in quotation marks");
  EXPECT_EQ(Error("a.jsonl", "{\"text\":null,\"rows\":[]}"),
            ":1: field \"text\" must be a text in quotation marks");
  EXPECT_EQ(Error("a.jsonl", "{\"text\":\"\",\"a\":" + std::string(30, '[')),
            ":1: brackets deeper than 30");
  std::string objects;
  for (int i = 0; i < 28; ++i) objects += "{\"\\\"[\":";
  EXPECT_THAT(Read("a.jsonl",
                   absl::StrCat("{\"text\":\"[[\",\"a\":", std::string(29, '['),
                                std::string(29, ']'), ",\"b\":", objects, "{}",
                                std::string(28, '}'), "}")),
              ElementsAre("[["));
}

TEST_F(PromptFileTest, Limits) {
  const std::string line(LineFile::kMaxLineBytes, 'x');
  EXPECT_EQ(Read("a.txt", line).size(), 1u);
  EXPECT_EQ(Error("a.txt", "a\n\n" + line + "x"),
            ":3: a line of more than 16777216 bytes");
  EXPECT_EQ(Error("a.txt", "a\n\n\n" + line.substr(1) + "\nx"),
            ":4: a document of more than 16777216 bytes; blank lines separate "
            "documents");
}

TEST_F(PromptFileTest, FilesThatAreNone) {
  const auto error = [](const std::string& path) {
    return std::string(PromptFile::Open(path).status().message());
  };
  EXPECT_THAT(error(Path("b.txt")), HasSubstr("No such file"));
  ASSERT_EQ(mkdir(Path("c.txt").c_str(), 0777), 0);
  EXPECT_EQ(error(Path("c.txt")),
            "cannot read " + Path("c.txt") + ": not a regular file");
  ASSERT_EQ(mkfifo(Path("d.txt").c_str(), 0666), 0);
  EXPECT_EQ(error(Path("d.txt")),
            "cannot read " + Path("d.txt") + ": not a regular file");
  EXPECT_EQ(Error("a.txt", ""), ": no documents");
  EXPECT_EQ(Error("a.jsonl", "\n \n"), ": no documents");
  EXPECT_THAT(Error("a.csv", "x"), HasSubstr("*.jsonl"));
  EXPECT_THAT(Error("a.csv", "x"), HasSubstr("*.parquet"));
  EXPECT_EQ(Error("a.jsonl.zst", "x"), ": compressed; unpack it first");
}

TEST_F(PromptFileTest, NoticesAChange) {
  ASSERT_TRUE(WriteFileWhole(Path("a.txt"), "one\n\ntwo\n").ok());
  absl::StatusOr<PromptFile> file = PromptFile::Open(Path("a.txt"));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(truncate(Path("a.txt").c_str(), 5), 0);
  EXPECT_EQ(file->Text(0).value_or(""), "one");
  EXPECT_EQ(file->Text(1).status().message(),
            Path("a.txt") + ":3: the file has changed while it was read");
}

// All of it.

class ReadPromptsTest : public PromptFileTest {
 protected:
  ReadPromptsTest()
      : tokenizer_(*Tokenizer::FromBytes(SmallModel().SerializeAsString(),
                                         "small.model")) {}

  const Tokenizer tokenizer_;
};

TEST_F(ReadPromptsTest, SamplesAndEncodes) {
  std::string contents;
  for (int i = 0; i < 60; ++i) {
    absl::StrAppend(&contents, "{\"text\":\"", i == 20 ? "" : "the\\n",
                    i == 9 ? "then" : "", "\"}\n");
  }
  ASSERT_TRUE(WriteFileWhole(Path("a.jsonl"), contents).ok());
  PromptChoice choice;
  choice.samples = 10;
  choice.seed = 7;
  choice.max_tokens = 3;
  const absl::StatusOr<std::vector<Prompt>> prompts =
      ReadPrompts(Path("a.jsonl"), choice, tokenizer_);
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  ASSERT_EQ(prompts->size(), 10u);
  Indices documents;
  for (const Prompt& p : *prompts) documents.push_back(p.document);
  EXPECT_THAT(documents, ElementsAre(20, 9, 25, 41, 3, 4, 52, 34, 6, 23));
  EXPECT_EQ((*prompts)[1].place, Path("a.jsonl") + ":10");
  EXPECT_THAT((*prompts)[0].ids, IsEmpty());
  EXPECT_THAT((*prompts)[1].ids, ElementsAre(263, 4, 265));
  EXPECT_THAT((*prompts)[2].ids, ElementsAre(263, 4));
}

TEST_F(ReadPromptsTest, Errors) {
  const std::string path = Path("a.txt");
  ASSERT_TRUE(WriteFileWhole(path, "the\n").ok());
  const auto error = [&](const PromptChoice& choice) {
    return std::string(
        ReadPrompts(path, choice, tokenizer_).status().message());
  };
  EXPECT_EQ(error({}), path +
                           ": 1000 samples of 1 documents; --samples=0 takes "
                           "every document");
  PromptChoice choice;
  choice.samples = 0;
  choice.max_tokens = 0;
  EXPECT_EQ(error(choice), "max_tokens must be at least 1");
  choice.max_tokens = 1;
  ASSERT_TRUE(WriteFileWhole(path, "\n\n" + std::string(9000000, 'e')).ok());
  EXPECT_EQ(error(choice),
            path + ":3: a document of 9000000 bytes; at most 8388608");
}

}  // namespace
}  // namespace polarize
