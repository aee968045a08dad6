// TensorBoard's event files, written without TensorFlow.
//
// A file is a row of records: the payload's length (uint64), the masked CRC32C
// of these 8 bytes (uint32), the payload, its masked CRC32C; all little endian.
// A payload is a TensorboardEvent; the first one holds the file's version.
#ifndef POLARIZE_EXPERIMENTS_RUN_EVENT_FILE_H_
#define POLARIZE_EXPERIMENTS_RUN_EVENT_FILE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "experiments/run/file.h"
#include "experiments/run/flat_config.h"
#include "protos/tensorboard_event.pb.h"

namespace polarize {

// A metric of one step.
struct NamedValue {
  absl::string_view name;
  double value;
};

// A CRC rotated and moved, as the format asks so that the CRC of bytes that
// hold CRCs is of use.
uint32_t MaskedCrc32c(absl::string_view bytes);

// "events.out.tfevents.1700000000.HOST"
std::string EventFileName(absl::Time start, absl::string_view host);

// A new event file in a folder. It has its own name from the start, because
// TensorBoard follows files while they grow; records are whole at every flush.
class EventFile {
 public:
  // Names the file after `start` and this machine.
  static absl::StatusOr<EventFile> Create(const std::string& folder,
                                          absl::Time start);

  // What TensorBoard's HParams view compares runs by: the hyper-parameters,
  // once, before the first step, and how the run ended, once, at its end. The
  // metrics of that view are the last values of Write's, under their names.
  absl::Status StartSession(absl::Time time,
                            absl::Span<const FlatValue> hyper_parameters);
  absl::Status EndSession(absl::Time time,
                          TensorboardSessionEnd::Status status);

  // The values of one step, as floats. Allocates nothing once it has written
  // as many and as long ones.
  absl::Status Write(int64_t step, absl::Time time,
                     absl::Span<const NamedValue> values);
  absl::Status Flush() { return file_.Flush(); }
  absl::Status Finish() { return file_.Finish(); }

  const std::string& path() const { return file_.current_path(); }

 private:
  explicit EventFile(AppendFile file) : file_(std::move(file)) {}
  absl::Status WriteHyperParameters(absl::Time time, const char* tag,
                                    const TensorboardHyperParameters& content);
  absl::Status WriteRecord(const TensorboardEvent& event);

  AppendFile file_;
  TensorboardEvent event_;
  std::string record_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_EVENT_FILE_H_
