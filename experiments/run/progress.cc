#include "experiments/run/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_format.h"

namespace polarize {
namespace {

constexpr size_t kUsualWidth = 80;
constexpr absl::string_view kClearToEnd = "\x1b[K";

}  // namespace

Progress::Options Progress::StandardError() {
  const char* const kind = std::getenv("TERM");
  Options options;
  options.file_descriptor = STDERR_FILENO;
  options.terminal = isatty(STDERR_FILENO) == 1 && kind != nullptr &&
                     absl::string_view(kind) != "dumb";
  return options;
}

Progress::Progress(Options options) : options_(std::move(options)) {}

Progress::~Progress() { Finish(); }

bool Progress::Due() const {
  const absl::Duration interval =
      options_.terminal ? options_.live_interval : options_.plain_interval;
  return options_.now() - last_ >= interval;
}

void Progress::Show(absl::string_view line) {
  if (Due()) ShowNow(line);
}

void Progress::ShowNow(absl::string_view line) {
  last_ = options_.now();
  buffer_.clear();
  if (options_.terminal) {
    live_.assign(line.data(), line.size());
    line_is_open_ = true;
    // The last column stays free: some terminals go to the next line after it.
    const absl::string_view shown = FirstColumns(line, Width() - 1);
    buffer_ += '\r';
    buffer_.append(shown.data(), shown.size());
    buffer_.append(kClearToEnd.data(), kClearToEnd.size());
  } else {
    buffer_.append(line.data(), line.size());
    buffer_ += '\n';
  }
  Write(buffer_);
}

void Progress::Print(absl::string_view line) {
  buffer_.clear();
  if (line_is_open_) buffer_ += '\r';
  buffer_.append(line.data(), line.size());
  if (line_is_open_) buffer_.append(kClearToEnd.data(), kClearToEnd.size());
  buffer_ += '\n';
  if (line_is_open_) {
    const absl::string_view shown = FirstColumns(live_, Width() - 1);
    buffer_.append(shown.data(), shown.size());
  }
  Write(buffer_);
}

void Progress::Finish() {
  if (line_is_open_) Write("\n");
  line_is_open_ = false;
}

void Progress::Write(absl::string_view text) const {
  while (!text.empty()) {
    const ssize_t n = write(options_.file_descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

size_t Progress::Width() const {
  if (options_.width > 0) return options_.width;
  winsize size;
  const bool known = ioctl(options_.file_descriptor, TIOCGWINSZ, &size) == 0 &&
                     size.ws_col > 0;
  return known ? size.ws_col : kUsualWidth;
}

absl::string_view FirstColumns(absl::string_view text, size_t columns) {
  size_t end = 0;
  for (; end < text.size(); ++end) {
    const bool continues = (text[end] & 0xC0) == 0x80;
    if (continues) continue;
    if (columns == 0) break;
    --columns;
  }
  return text.substr(0, end);
}

std::string FormatTime(absl::Duration time) {
  // The second comparison also keeps what no integer holds from the cast.
  if (time < absl::ZeroDuration() || time == absl::InfiniteDuration()) {
    return "n/a";
  }
  const int64_t seconds = absl::ToInt64Seconds(time + absl::Milliseconds(500));
  const int64_t minutes = seconds / 60;
  const int64_t hours = minutes / 60;
  if (minutes == 0) return absl::StrFormat("%ds", seconds);
  if (hours == 0) return absl::StrFormat("%dm %02ds", minutes, seconds % 60);
  if (hours < 24) return absl::StrFormat("%dh %02dm", hours, minutes % 60);
  return absl::StrFormat("%dd %02dh", hours / 24, hours % 24);
}

std::string FormatStepRate(double steps_per_second) {
  if (!(steps_per_second > 0) || !std::isfinite(steps_per_second)) return "n/a";
  // Three digits that count; the limits are where rounding adds one.
  if (steps_per_second < 1) {
    const double seconds = 1 / steps_per_second;
    const int decimals = seconds < 9.995 ? 2 : seconds < 99.95 ? 1 : 0;
    return absl::StrFormat("%.*f s/step", decimals, seconds);
  }
  const int decimals = steps_per_second < 9.995   ? 2
                       : steps_per_second < 99.95 ? 1
                                                  : 0;
  return absl::StrFormat("%.*f steps/s", decimals, steps_per_second);
}

absl::Duration TimeLeft(int64_t done, int64_t total, absl::Duration elapsed) {
  if (done >= total) return absl::ZeroDuration();
  if (done <= 0) return absl::InfiniteDuration();
  return elapsed *
         (static_cast<double>(total - done) / static_cast<double>(done));
}

}  // namespace polarize
