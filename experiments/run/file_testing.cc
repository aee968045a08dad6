#include "experiments/run/file_testing.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "gtest/gtest.h"
#include "hwy/base.h"

namespace polarize {

TestFolder::TestFolder() : path_(::testing::TempDir() + "/polarize-XXXXXX") {
  HWY_ASSERT(mkdtemp(&path_[0]) != nullptr);
}

TestFolder::~TestFolder() {
  nftw(
      path_.c_str(),
      [](const char* path, const struct stat*, int, struct FTW*) {
        return remove(path);
      },
      16, FTW_DEPTH | FTW_PHYS);
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  DIR* dir = opendir(folder.c_str());
  HWY_ASSERT(dir != nullptr);
  while (const dirent* entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

FileSizeLimit::FileSizeLimit(rlim_t bytes) {
  // Without this, a write beyond the limit kills the process.
  old_handler_ = signal(SIGXFSZ, SIG_IGN);
  HWY_ASSERT(getrlimit(RLIMIT_FSIZE, &old_limit_) == 0);
  rlimit limit = old_limit_;
  limit.rlim_cur = bytes;
  HWY_ASSERT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

FileSizeLimit::~FileSizeLimit() {
  HWY_ASSERT(setrlimit(RLIMIT_FSIZE, &old_limit_) == 0);
  signal(SIGXFSZ, old_handler_);
}

}  // namespace polarize
