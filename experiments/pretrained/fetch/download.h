// One object of a store into one file, whatever the network does.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_DOWNLOAD_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_DOWNLOAD_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/pretrained/fetch/checksum.h"
#include "experiments/pretrained/fetch/http.h"
#include "experiments/pretrained/fetch/retry.h"
#include "experiments/pretrained/fetch/store.h"

namespace polarize {

struct Download {
  std::string url;
  StoreObject object;
  std::string sha256;  // that the bytes must have; empty: any
  std::string path;    // of the file, which is not there yet
};

// Hears of bytes that count now, and, negative, of some that no longer do.
using ByteCount = std::function<void(int64_t)>;

// Fetches the object and gives the file its name once it has all bytes and they
// have the store's checksum and `sha256`. Goes on behind what an earlier call,
// perhaps of another process, left of this generation. A connection that is
// cut is taken up where it ended; bytes that turn out wrong are dropped and
// fetched again, kMostBadCopies times at most. On an error there is no file at
// `path`; only a partial one, to go on with.
absl::StatusOr<Checksums> FetchObject(const Download& download,
                                      const std::function<bool()>& cancelled,
                                      const ByteCount& count,
                                      HttpClient& client, Retrier& retrier);

inline constexpr int kMostBadCopies = 3;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_DOWNLOAD_H_
