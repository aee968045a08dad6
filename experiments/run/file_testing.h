// What tests of files need: a folder of their own and a disk that is full.
#ifndef POLARIZE_EXPERIMENTS_RUN_FILE_TESTING_H_
#define POLARIZE_EXPERIMENTS_RUN_FILE_TESTING_H_

#include <sys/resource.h>

#include <string>
#include <vector>

namespace polarize {

// A new empty folder, removed with all that is in it at the end of the test.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The names in a folder, sorted, without "." and "..".
std::vector<std::string> NamesIn(const std::string& folder);

// While it lives, no file of this process grows beyond `bytes`: a full disk
// that also root meets.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes);
  ~FileSizeLimit();
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_limit_;
  void (*old_handler_)(int);
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FILE_TESTING_H_
