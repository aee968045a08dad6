#include "experiments/run/event_file.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "experiments/run/allocation_count.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// CRC32C bit by bit, from the polynomial (reflected 0x1EDC6F41).
uint32_t SlowMaskedCrc(absl::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
    }
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

// The events of a file, every record checked.
std::vector<TensorboardEvent> ReadEvents(const std::string& path) {
  const std::string bytes = ReadFile(path, 1 << 20).value();
  std::vector<TensorboardEvent> events;
  absl::string_view rest = bytes;
  const auto number = [](absl::string_view from, auto value) {
    std::memcpy(&value, from.data(), sizeof(value));
    return value;
  };
  while (!rest.empty()) {
    EXPECT_GE(rest.size(), 16u);
    const uint64_t length = number(rest, uint64_t{0});
    EXPECT_LE(length, rest.size() - 16);
    EXPECT_EQ(number(rest.substr(8), uint32_t{0}),
              SlowMaskedCrc(rest.substr(0, 8)));
    const absl::string_view payload = rest.substr(12, length);
    EXPECT_EQ(number(rest.substr(12 + length), uint32_t{0}),
              SlowMaskedCrc(payload));
    events.emplace_back();
    EXPECT_TRUE(events.back().ParseFromString(std::string(payload)));
    rest.remove_prefix(16 + length);
  }
  return events;
}

TEST(EventFileTest, CrcIsTheStandardsOwn) {
  // RFC 3720, B.4: 32 bytes of zeros have the CRC 8A9136AA.
  const uint32_t crc = 0x8A9136AAu;
  EXPECT_EQ(MaskedCrc32c(std::string(32, '\0')),
            ((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
  EXPECT_EQ(MaskedCrc32c("123456789"), SlowMaskedCrc("123456789"));
}

TEST(EventFileTest, NamesSortByTime) {
  EXPECT_EQ(EventFileName(absl::FromUnixSeconds(1700000000), "some.host"),
            "events.out.tfevents.1700000000.some.host");
  EXPECT_EQ(EventFileName(absl::FromUnixSeconds(5), "a/b"),
            "events.out.tfevents.0000000005.a-b");
}

TEST(EventFileTest, WritesWhatTensorBoardReads) {
  const TestFolder folder;
  const absl::Time start = absl::FromUnixSeconds(1700000000);
  absl::StatusOr<EventFile> file = EventFile::Create(folder.path(), start);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->path(),
              MatchesRegex(".*/events\\.out\\.tfevents\\.1700000000\\..+"));
  const absl::Time later = start + absl::Milliseconds(1500);
  ASSERT_TRUE(file->Write(0, later, {{"train/loss", 0.5}, {"b", 0}}).ok());
  ASSERT_TRUE(file->Write(7, later, {{"c", std::nan("")}}).ok());
  ASSERT_TRUE(file->Finish().ok());

  const std::vector<TensorboardEvent> events = ReadEvents(file->path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_EQ(events[0].wall_time(), 1700000000.0);
  EXPECT_FALSE(events[0].has_summary());
  EXPECT_FALSE(events[1].has_file_version());
  EXPECT_EQ(events[1].wall_time(), 1700000001.5);
  EXPECT_EQ(events[1].step(), 0);
  ASSERT_EQ(events[1].summary().value_size(), 2);
  EXPECT_EQ(events[1].summary().value(0).tag(), "train/loss");
  EXPECT_EQ(events[1].summary().value(0).simple_value(), 0.5f);
  // A value of 0 is on the disk too, not left out.
  EXPECT_TRUE(events[1].summary().value(1).has_simple_value());
  EXPECT_EQ(events[2].step(), 7);
  ASSERT_EQ(events[2].summary().value_size(), 1);
  EXPECT_TRUE(std::isnan(events[2].summary().value(0).simple_value()));
}

// Fields 1 (key, 2 bytes of length) and 2 (value) of a map's entry.
std::string EntryBytes(const std::string& key, const std::string& value) {
  std::string entry = "\n";
  entry += static_cast<char>(key.size());
  entry += key + '\x12';
  entry += static_cast<char>(value.size());
  return entry + value;
}

// What is between braces, field `tag`.
std::string FieldBytes(char tag, const std::string& content) {
  std::string field(1, tag);
  field += static_cast<char>(content.size());
  return field + content;
}

TEST(EventFileTest, WritesHyperParametersAsTensorBoardHasThem) {
  const TestFolder folder;
  const absl::Time start = absl::FromUnixSeconds(1700000000);
  absl::StatusOr<EventFile> file = EventFile::Create(folder.path(), start);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::vector<FlatValue> values = {{"lr", "training.lr", 0.5},
                                         {"seed", "seed", int64_t{2}},
                                         {"kind", "kind", std::string("add")},
                                         {"mlp", "model.mlp", false}};
  ASSERT_TRUE(file->StartSession(start, values).ok());
  ASSERT_TRUE(file->Write(1, start, {{"train/loss", 0.5}}).ok());
  ASSERT_TRUE(
      file->EndSession(start + absl::Seconds(2), TensorboardSessionEnd::FAILURE)
          .ok());
  ASSERT_TRUE(file->Finish().ok());

  const std::vector<TensorboardEvent> events = ReadEvents(file->path());
  ASSERT_EQ(events.size(), 4u);
  const TensorboardSummary::Value& begun = events[1].summary().value(0);
  EXPECT_EQ(begun.tag(), "_hparams_/session_start_info");
  EXPECT_FALSE(begun.has_simple_value());
  EXPECT_EQ(begun.metadata().plugin().name(), "hparams");
  // Byte by byte: doubles are little endian, 0.5 is 3FE0..., 2 is 4000..., and
  // the time 1.7e9 is 41D954FC40000000.
  using namespace std::string_literals;  // NOLINT: for zeros in texts
  const std::string entries =
      FieldBytes('\n', EntryBytes("lr", "\x11\0\0\0\0\0\0\xe0\x3f"s)) +
      FieldBytes('\n', EntryBytes("seed", "\x11\0\0\0\0\0\0\0\x40"s)) +
      FieldBytes('\n', EntryBytes("kind",
                                  "\x1a\x03"
                                  "add"s)) +
      FieldBytes('\n', EntryBytes("mlp", "\x20\0"s));
  EXPECT_EQ(begun.metadata().plugin().content(),
            FieldBytes('\x1a', entries + "\x29\0\0\0\x40\xfc\x54\xd9\x41"s));

  // Nothing of it stays in later events.
  ASSERT_EQ(events[2].summary().value_size(), 1);
  EXPECT_FALSE(events[2].summary().value(0).has_metadata());

  const TensorboardSummary::Value& ended = events[3].summary().value(0);
  EXPECT_EQ(ended.tag(), "_hparams_/session_end_info");
  TensorboardHyperParameters end;
  ASSERT_TRUE(end.ParseFromString(ended.metadata().plugin().content()));
  EXPECT_EQ(static_cast<int>(end.end().status()), 2);
  EXPECT_EQ(end.end().end_time(), 1700000002.0);
  EXPECT_FALSE(end.has_start());
}

TEST(EventFileTest, ErrorsNameTheFile) {
  const TestFolder folder;
  const std::string plain = folder.path() + "/a";
  ASSERT_TRUE(WriteFileWhole(plain, "x").ok());
  const absl::Status below =
      EventFile::Create(plain, absl::UnixEpoch()).status();
  EXPECT_THAT(std::string(below.message()), HasSubstr(plain));
  const FileSizeLimit limit(10);
  const absl::Status full =
      EventFile::Create(folder.path(), absl::UnixEpoch()).status();
  EXPECT_FALSE(full.ok());
  EXPECT_THAT(std::string(full.message()), HasSubstr(folder.path()));
}

TEST(EventFileTest, WritingAllocatesNothingAfterTheFirstTime) {
  const TestFolder folder;
  absl::StatusOr<EventFile> file =
      EventFile::Create(folder.path(), absl::UnixEpoch());
  ASSERT_TRUE(file.ok()) << file.status();
  const NamedValue values[] = {{"a name that is too long for no heap", 0.1},
                               {"train/loss", 0.2}};
  ASSERT_TRUE(
      file->StartSession(absl::UnixEpoch(), {{"lr", "training.lr", 0.5}}).ok());
  ASSERT_TRUE(file->Write(1000000, absl::UnixEpoch(), values).ok());
  ResetAllocations();
  for (int step = 0; step < 3000; ++step) {
    if (!file->Write(step, absl::UnixEpoch(), values).ok()) FAIL();
  }
  EXPECT_EQ(AllocationCount(), 0u);
  EXPECT_TRUE(file->Flush().ok());
}

}  // namespace
}  // namespace polarize
