// Damaged and hostile Parquet files: an error or documents that can be read,
// and never much memory. tests/support/fuzz.h tells of the flags.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/text/parquet/parquet_testing.h"
#include "experiments/pretrained/text/prompt_file.h"
#include "experiments/pretrained/text/utf8.h"
#include "experiments/run/file_testing.h"
#include "gtest/gtest.h"
#include "snappy.h"
#include "tests/support/fuzz.h"

namespace polarize {
namespace {

using Random = FuzzRandom;

// More than the whole test needs with files of a few kilobytes.
constexpr long kMostKilobytes = 100 << 10;

// Huge, in Thrift and in lengths alike.
constexpr absl::string_view kSnippets[] = {"\xff\xff\xff\xff\x7f"};

int64_t RandomNumber(Random* random) {
  static constexpr int64_t kNumbers[] = {
      -1,       0,         1,         4,         5,        1 << 20,
      64 << 20, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
  return kNumbers[Below(sizeof(kNumbers) / sizeof(kNumbers[0]), random)];
}

void ChangeNumber(int64_t* number, Random* random) {
  // One more, one less, the same, or another; unsigned, to wrap around.
  *number = Often(random)
                ? static_cast<int64_t>(static_cast<uint64_t>(*number) + 1 -
                                       Below(3, random))
                : RandomNumber(random);
}

std::vector<std::string> RandomTexts(size_t count, Random* random) {
  std::vector<std::string> texts(count);
  for (std::string& text : texts) {
    text.assign(Below(20, random), 'y');
    if (Below(40, random) == 0) text += RandomByte(random);
  }
  return texts;
}

PageOf RandomPage(int64_t kind, bool from_dictionary, bool optional,
                  Random* random) {
  PageOf page;
  page.kind = kind;
  const size_t count = Below(20, random);
  page.values = static_cast<int64_t>(count);
  page.body = PlainTexts(RandomTexts(count, random));
  if (from_dictionary) {
    page.encoding = 8;
    // Indices of two bits, a run or a packed one.
    page.body = "\x02";
    if (Often(random)) {
      absl::StrAppend(&page.body, std::string(1, static_cast<char>(count << 1)),
                      std::string(1, static_cast<char>(Below(4, random))));
    } else {
      const size_t groups = (count + 7) / 8;
      page.body += static_cast<char>(groups << 1 | 1);
      for (size_t i = 2 * groups; i > 0; --i) page.body += RandomByte(random);
    }
  }
  if (optional && kind != 2) {
    const std::string levels = Levels(count);
    page.body = (kind == 0 ? Length(levels.size()) : "") + levels + page.body;
    if (kind == 3) page.level_bytes = static_cast<int64_t>(levels.size());
  }
  return page;
}

void Compress(PageOf* page) {
  const auto levels = static_cast<size_t>(page->level_bytes);
  page->unpacked_bytes = static_cast<int64_t>(page->body.size());
  std::string packed;
  snappy::Compress(page->body.data() + levels, page->body.size() - levels,
                   &packed);
  page->body = page->body.substr(0, levels) + packed;
}

void ChangePage(PageOf* page, Random* random) {
  if (Often(random)) {
    ChangeBytes(kSnippets, &page->body, random);
    return;
  }
  int64_t* const numbers[] = {
      &page->kind,        &page->values,           &page->encoding,
      &page->bytes,       &page->unpacked_bytes,   &page->level_encoding,
      &page->level_bytes, &page->repetition_bytes, &page->rows};
  ChangeNumber(numbers[Below(9, random)], random);
  if (Below(8, random) == 0) page->is_compressed = !page->is_compressed;
}

void ChangeFile(FileOf* file, Random* random) {
  if (file->groups.empty()) return;
  GroupOf& group = file->groups[Below(file->groups.size(), random)];
  if (!group.pages.empty() && Below(3, random) != 0) {
    ChangePage(&group.pages[Below(group.pages.size(), random)], random);
    return;
  }
  int64_t* const numbers[] = {&group.rows,       &group.codec, &group.values,
                              &group.start,      &group.bytes, &file->rows,
                              &file->repetition, &file->type};
  ChangeNumber(numbers[Below(8, random)], random);
}

FileOf RandomFile(Random* random) {
  FileOf file;
  file.repetition = static_cast<int64_t>(Below(2, random));
  for (size_t groups = 1 + Below(3, random); groups > 0; --groups) {
    GroupOf group;
    group.codec = static_cast<int64_t>(Below(2, random));
    const bool optional = file.repetition == 1;
    const bool has_dictionary = Often(random);
    if (has_dictionary) {
      group.pages.push_back(RandomPage(2, false, optional, random));
      group.pages[0].body = PlainTexts({"a", "bb", "ccc", "dddd"});
      group.pages[0].values = 4;
    }
    for (size_t pages = 1 + Below(3, random); pages > 0; --pages) {
      const int64_t kind = Often(random) ? 0 : 3;
      group.pages.push_back(
          RandomPage(kind, has_dictionary && Often(random), optional, random));
      group.rows += group.pages.back().values;
    }
    if (group.codec == 1) {
      for (PageOf& page : group.pages) Compress(&page);
    }
    file.groups.push_back(group);
  }
  return file;
}

// A fixture, changed as bytes; or a file made up here, changed in its numbers,
// as bytes, or both.
std::string HostileFile(Random* random) {
  static const std::vector<std::string>* const kFixtures = [] {
    auto* fixtures = new std::vector<std::string>;
    for (const std::string& name : GoodFixtures()) {
      fixtures->push_back(Fixture(name + ".parquet"));
    }
    return fixtures;
  }();
  const size_t how = Below(4, random);
  std::string bytes;
  if (how == 0) {
    bytes = (*kFixtures)[Below(kFixtures->size(), random)];
  } else {
    FileOf file = RandomFile(random);
    if (how != 1) {
      for (size_t n = Below(4, random); n > 0; --n) ChangeFile(&file, random);
    }
    bytes = file.bytes();
  }
  if (how == 2) return bytes;
  for (size_t n = 1 + Below(3, random); n > 0; --n) {
    // The bytes at both ends, without which nothing else is looked at, stay.
    if (bytes.size() < 12) break;
    std::string inner = bytes.substr(4, bytes.size() - 12);
    const std::string tail = bytes.substr(bytes.size() - 8);
    ChangeBytes(kSnippets, &inner, random);
    bytes = absl::StrCat("PAR1", inner, tail);
  }
  return bytes;
}

// Whether the file was taken.
bool Execute(const std::string& path, uint64_t seed) {
  Random random(seed);
  OverwriteFile(path, HostileFile(&random));
  absl::StatusOr<PromptFile> file = PromptFile::Open(path);
  if (!file.ok()) {
    EXPECT_TRUE(absl::StartsWith(file.status().message(), path + ": "))
        << seed << ": " << file.status();
    return false;
  }
  for (int i = 0; i < 5; ++i) {
    const absl::StatusOr<std::string> text =
        file->Text(Below(file->size(), &random));
    EXPECT_TRUE(text.ok()) << seed << ": " << text.status();
    EXPECT_TRUE(text.ok() && IsUtf8(*text)) << seed;
  }
  return true;
}

TEST(ParquetFuzzTest, AnErrorOrDocuments) {
  const TestFolder folder;
  const std::string path = folder.path() + "/a.parquet";
  Fuzz(kMostKilobytes, [&path](uint64_t seed) { return Execute(path, seed); });
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) { return polarize::FuzzMain(argc, argv); }
