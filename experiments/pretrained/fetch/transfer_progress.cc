#include "experiments/pretrained/fetch/transfer_progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/progress.h"

namespace polarize {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(10);

absl::Duration TimeLeftAt(const TransferState& state) {
  if (state.bytes_per_second <= 0) return absl::InfiniteDuration();
  const uint64_t left = state.bytes - std::min(state.bytes, state.bytes_done);
  return absl::Seconds(static_cast<double>(left) / state.bytes_per_second);
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  // The limit is where rounding would show 1000.
  while (value >= 999.5 && unit + 1 < sizeof(kUnits) / sizeof(kUnits[0])) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f %s", decimals, value, kUnits[unit]);
}

void RateMeter::Add(absl::Time now, uint64_t bytes) {
  moments_.push_back({now, bytes});
  while (moments_.size() > 2 && now - moments_[1].time >= kWindow) {
    moments_.pop_front();
  }
}

double RateMeter::BytesPerSecond() const {
  if (moments_.size() < 2) return 0;
  const Moment& first = moments_.front();
  const Moment& last = moments_.back();
  const double seconds = absl::ToDoubleSeconds(last.time - first.time);
  return seconds > 0 ? static_cast<double>(last.bytes - first.bytes) / seconds
                     : 0;
}

std::string TransferLine(const TransferState& state) {
  return absl::StrCat(
      FormatBytes(state.bytes_done), " of ", FormatBytes(state.bytes), "  ",
      state.files_done, " of ", state.files, " ", state.units, "  ",
      FormatBytes(static_cast<uint64_t>(state.bytes_per_second)), "/s  ",
      FormatTime(TimeLeftAt(state)), " left");
}

}  // namespace polarize
