// Making a folder hold a public checkpoint, to the last bit.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FETCH_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FETCH_H_

#include "absl/status/statusor.h"
#include "experiments/pretrained/fetch/fetch_options.h"
#include "experiments/pretrained/fetch/plan.h"
#include "experiments/run/progress.h"

namespace polarize {

// Lists the checkpoint, compares the list with the folder's lock and with what
// is there, fetches what is missing, reads what is there already to check it,
// and records all of it in the lock (lock_file.h). The returned plan is what
// there was to do. Every error leaves whole files and partial ones that the
// next call goes on with; a file has its final name only if size and checksums
// are right. `progress` may be null. Cancelled when `cancelled` said so.
absl::StatusOr<Plan> FetchCheckpoint(const FetchOptions& options,
                                     Progress* progress);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_FETCH_H_
