// What a fetch is told.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FETCH_OPTIONS_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FETCH_OPTIONS_H_

#include <cstddef>
#include <functional>
#include <string>

#include "experiments/pretrained/fetch/http.h"
#include "experiments/pretrained/fetch/retry.h"
#include "experiments/pretrained/fetch/store.h"

namespace polarize {

struct FetchOptions {
  CheckpointSource source;
  std::string folder;
  size_t jobs = 8;       // connections
  bool dry_run = false;  // plan, and change nothing
  bool offline = false;  // check what is here against its lock alone
  bool quick = false;    // of locked files look at the size alone
  HttpOptions http;
  RetryPolicy retry;
  // Asked often, in several threads; true ends the fetch in order.
  std::function<bool()> cancelled = [] { return false; };
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FETCH_OPTIONS_H_
