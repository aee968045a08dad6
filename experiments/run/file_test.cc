#include "experiments/run/file.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kPlenty = size_t{1} << 30;

class FileTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  std::vector<std::string> Names() const { return NamesIn(folder_.path()); }
  std::string Read(const std::string& name) const {
    absl::StatusOr<std::string> bytes = ReadFile(Path(name), kPlenty);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("(no file)");
  }

  TestFolder folder_;
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  std::string bytes = "first\n";
  bytes += '\0';
  bytes += std::string(300000, 'x');
  ASSERT_TRUE(WriteFileWhole(Path("a"), bytes).ok());
  EXPECT_EQ(Read("a"), bytes);
  ASSERT_TRUE(WriteFileWhole(Path("a"), "").ok());
  EXPECT_EQ(Read("a"), "");
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, ReadRefusesMoreThanAsked) {
  ASSERT_TRUE(WriteFileWhole(Path("a"), "12345").ok());
  EXPECT_EQ(ReadFile(Path("a"), 5).value(), "12345");
  const absl::Status status = ReadFile(Path("a"), 4).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr(Path("a")));
  EXPECT_THAT(std::string(status.message()), HasSubstr("4 bytes"));
}

TEST_F(FileTest, ReadsFilesWhoseSizeReadsZero) {
  const absl::StatusOr<std::string> text = ReadFile("/proc/self/stat", kPlenty);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->substr(0, text->find(' ')), std::to_string(getpid()));
}

TEST_F(FileTest, ReadNamesThePathThatFails) {
  const absl::Status missing = ReadFile(Path("none"), kPlenty).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(Path("none")));
  const absl::Status folder = ReadFile(folder_.path(), kPlenty).status();
  EXPECT_THAT(std::string(folder.message()), HasSubstr("not a regular file"));
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(ReadFile(Path("pipe"), kPlenty).ok());
}

TEST_F(FileTest, WholeFileHasTheUsualPermissions) {
  const mode_t mask = umask(022);
  ASSERT_TRUE(WriteFileWhole(Path("a"), "x").ok());
  umask(mask);
  struct stat info;
  ASSERT_EQ(stat(Path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
}

TEST_F(FileTest, WholeFileAppearsAtCommitOnly) {
  ASSERT_TRUE(WriteFileWhole(Path("a"), "old").ok());
  {
    absl::StatusOr<WholeFile> file = WholeFile::Create(Path("a"));
    ASSERT_TRUE(file.ok()) << file.status();
    WholeFile moved = std::move(*file);
    ASSERT_TRUE(moved.Write("new, ").ok());
    EXPECT_EQ(Read("a"), "old");
    ASSERT_TRUE(moved.Write("whole").ok());
    ASSERT_TRUE(moved.Commit().ok());
    EXPECT_EQ(Read("a"), "new, whole");
  }
  {
    absl::StatusOr<WholeFile> dropped = WholeFile::Create(Path("a"));
    ASSERT_TRUE(dropped.ok()) << dropped.status();
    ASSERT_TRUE(dropped->Write("never seen").ok());
    EXPECT_EQ(Names().size(), 2u);
  }
  EXPECT_EQ(Read("a"), "new, whole");
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, TwoWritersOfOneFileDoNotMeet) {
  absl::StatusOr<WholeFile> first = WholeFile::Create(Path("a"));
  absl::StatusOr<WholeFile> second = WholeFile::Create(Path("a"));
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE(first->Write("first").ok());
  ASSERT_TRUE(second->Write("second").ok());
  ASSERT_TRUE(second->Commit().ok());
  EXPECT_EQ(Read("a"), "second");
  ASSERT_TRUE(first->Commit().ok());
  EXPECT_EQ(Read("a"), "first");
}

TEST_F(FileTest, BelowARegularFileNothingCanBeWritten) {
  ASSERT_TRUE(WriteFileWhole(Path("a"), "x").ok());
  for (const absl::Status& status :
       {WriteFileWhole(Path("a/b"), "y"), MakeFolders(Path("a/b")),
        AppendFile::Create(Path("a/b")).status()}) {
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path("a/b")));
    EXPECT_THAT(std::string(status.message()), HasSubstr("Not a directory"));
  }
  EXPECT_EQ(Read("a"), "x");
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(FileTest, RenameOverAFolderFailsAndLeavesNothing) {
  ASSERT_EQ(mkdir(Path("d").c_str(), 0777), 0);
  const absl::Status status = WriteFileWhole(Path("d"), "y");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(Path("d")));
  EXPECT_THAT(Names(), ElementsAre("d"));
}

TEST_F(FileTest, FullDiskLeavesTheOldFile) {
  ASSERT_TRUE(WriteFileWhole(Path("a"), "old").ok());
  {
    const FileSizeLimit limit(1000);
    const absl::Status status =
        WriteFileWhole(Path("a"), std::string(1001, 'x'));
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path("a")));
    EXPECT_THAT(std::string(status.message()), HasSubstr("too large"));
    EXPECT_TRUE(WriteFileWhole(Path("b"), std::string(1000, 'x')).ok());
  }
  EXPECT_EQ(Read("a"), "old");
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
}

TEST_F(FileTest, AppendFileIsPartialUntilFinished) {
  absl::StatusOr<AppendFile> file = AppendFile::Create(Path("log"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->current_path(), Path("log.partial"));
  ASSERT_TRUE(file->Append("one\n").ok());
  EXPECT_EQ(Read("log.partial"), "");
  ASSERT_TRUE(file->Flush().ok());
  EXPECT_EQ(Read("log.partial"), "one\n");
  ASSERT_TRUE(file->Append("two\n").ok());
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(file->current_path(), Path("log"));
  EXPECT_EQ(Read("log"), "one\ntwo\n");
  EXPECT_THAT(Names(), ElementsAre("log"));
  EXPECT_FALSE(file->Finish().ok());
}

TEST_F(FileTest, AppendFileWritesWhenItsBufferIsFull) {
  absl::StatusOr<AppendFile> file = AppendFile::Create(Path("log"));
  ASSERT_TRUE(file.ok()) << file.status();
  std::string all;
  for (int i = 0; i < 30; ++i) {
    const std::string piece(static_cast<size_t>(i) * 1000, 'a' + i % 26);
    ASSERT_TRUE(file->Append(piece).ok());
    all += piece;
  }
  EXPECT_GT(Read("log.partial").size(), 0u);
  ASSERT_TRUE(file->Append(std::string(200000, '!')).ok());
  all += std::string(200000, '!');
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(Read("log.partial"), all);
}

TEST_F(FileTest, CloseKeepsThePartialNameAndDiscardRemovesTheFile) {
  {
    absl::StatusOr<AppendFile> closed = AppendFile::Create(Path("closed"));
    ASSERT_TRUE(closed->Append("kept").ok());
    ASSERT_TRUE(closed->Close().ok());
    EXPECT_TRUE(closed->Close().ok());
    EXPECT_FALSE(closed->Finish().ok());
    EXPECT_FALSE(closed->Discard().ok());
    ASSERT_TRUE(closed->Append("x").ok());
    EXPECT_FALSE(closed->Flush().ok());
    absl::StatusOr<AppendFile> destroyed = AppendFile::Create(Path("gone"));
    ASSERT_TRUE(destroyed->Append("kept too").ok());
    absl::StatusOr<AppendFile> discarded = AppendFile::Create(Path("drop"));
    ASSERT_TRUE(discarded->Append("lost").ok());
    ASSERT_TRUE(discarded->Discard().ok());
  }
  EXPECT_THAT(Names(), ElementsAre("closed.partial", "gone.partial"));
  EXPECT_EQ(Read("closed.partial"), "kept");
  EXPECT_EQ(Read("gone.partial"), "kept too");
}

TEST_F(FileTest, InPlaceHasItsOwnNameAtOnce) {
  absl::StatusOr<AppendFile> file =
      AppendFile::Create(Path("log"), AppendFile::Name::kInPlace);
  ASSERT_TRUE(file->Append("x").ok());
  EXPECT_THAT(Names(), ElementsAre("log"));
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(Read("log"), "x");
}

TEST_F(FileTest, OneWriterAtATime) {
  EXPECT_FALSE(IsBeingWritten(Path("log.partial")));
  {
    absl::StatusOr<AppendFile> file = AppendFile::Create(Path("log"));
    ASSERT_TRUE(file->Append("first").ok() && file->Flush().ok());
    EXPECT_TRUE(IsBeingWritten(Path("log.partial")));
    const absl::Status second = AppendFile::Create(Path("log")).status();
    EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(second.message()), HasSubstr("log.partial"));
    EXPECT_EQ(Read("log.partial"), "first");
  }
  EXPECT_FALSE(IsBeingWritten(Path("log.partial")));
  ASSERT_TRUE(AppendFile::Create(Path("log")).ok());
  EXPECT_EQ(Read("log.partial"), "") << "what a dead writer left is emptied";
}

TEST_F(FileTest, FullDiskLeavesWholeRecordsAndMayBeTriedAgain) {
  absl::StatusOr<AppendFile> file = AppendFile::Create(Path("log"));
  ASSERT_TRUE(file->Append(std::string(900, 'a')).ok());
  ASSERT_TRUE(file->Flush().ok());
  ASSERT_TRUE(file->Append(std::string(200, 'b')).ok());
  {
    const FileSizeLimit limit(1000);
    for (const absl::Status& status : {file->Flush(), file->Finish()}) {
      EXPECT_FALSE(status.ok());
      EXPECT_THAT(std::string(status.message()), HasSubstr("log.partial"));
    }
    EXPECT_EQ(Read("log.partial"), std::string(900, 'a'));
    // Not kept in memory without end either.
    EXPECT_FALSE(file->Append(std::string(70000, 'c')).ok());
  }
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(Read("log"), std::string(900, 'a') + std::string(200, 'b'));
}

TEST_F(FileTest, MakesParentsAndAcceptsWhatIsThere) {
  ASSERT_TRUE(MakeFolders(Path("a/b/c")).ok());
  ASSERT_TRUE(MakeFolders(Path("a/b/c/")).ok());
  EXPECT_THAT(NamesIn(Path("a/b")), ElementsAre("c"));
  EXPECT_THAT(NamesIn(Path("a/b/c")), IsEmpty());
  EXPECT_FALSE(MakeFolders("").ok());
}

TEST_F(FileTest, PathExistsFollowsLinks) {
  EXPECT_TRUE(PathExists(folder_.path()));
  EXPECT_FALSE(PathExists(Path("a")));
  ASSERT_EQ(symlink("a", Path("link").c_str()), 0);
  EXPECT_FALSE(PathExists(Path("link")));
  ASSERT_TRUE(WriteFileWhole(Path("a"), "").ok());
  EXPECT_TRUE(PathExists(Path("a")));
  EXPECT_TRUE(PathExists(Path("link")));
  EXPECT_FALSE(PathExists(Path("a") + "/b"));
  EXPECT_FALSE(PathExists(""));
}

}  // namespace
}  // namespace polarize
