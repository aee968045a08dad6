// What a bucket of Google Cloud Storage holds, and where.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_STORE_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "experiments/pretrained/fetch/http.h"
#include "experiments/pretrained/fetch/retry.h"

namespace polarize {

// A checkpoint in a bucket.
struct CheckpointSource {
  std::string base_url = "https://storage.googleapis.com";
  std::string bucket;
  std::string prefix;  // of all its objects, with a slash at the end
};

// The public checkpoint of "softmax" or "sigmoid", as the paper's experiment
// reads them; an error that lists the names for anything else.
absl::StatusOr<CheckpointSource> PublicCheckpoint(absl::string_view model);

struct StoreObject {
  std::string path;  // its name behind the source's prefix
  uint64_t size = 0;
  uint64_t generation = 0;  // another number each time it is written
  uint32_t crc32c = 0;
};

struct ListingPage {
  std::vector<StoreObject> objects;
  std::string next_page;  // token; empty: this was the last one
};

// One answer of the store's list method. Every path is checked
// (CheckObjectPath); empty objects whose names end in a slash, which stand for
// folders, are left out. Errors name the object and the field.
absl::StatusOr<ListingPage> ParseListing(absl::string_view json,
                                         absl::string_view prefix);

// The objects of the weights and of the index, without the optimiser's state,
// sorted by path. An error if there are none, or no index (the writer's sign
// that a checkpoint is whole), if two have one path, or if one's path is a
// folder of another's.
absl::StatusOr<std::vector<StoreObject>> ListCheckpoint(
    const CheckpointSource& source, HttpClient& client, Retrier& retrier);

// The address of the object's bytes, in the generation that was listed.
std::string ObjectUrl(const CheckpointSource& source,
                      const StoreObject& object);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_STORE_H_
