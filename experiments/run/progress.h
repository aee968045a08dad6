// How far a run is, on the terminal.
#ifndef POLARIZE_EXPERIMENTS_RUN_PROGRESS_H_
#define POLARIZE_EXPERIMENTS_RUN_PROGRESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace polarize {

// One line that tells where a run is. On a terminal it is redrawn in place, as
// often as the eye follows and no wider than the terminal; elsewhere (a file, a
// cluster's log) it is a plain line now and then. Lines hold no line ends.
// Errors of writing are ignored: no run ends because nobody watches it.
class Progress {
 public:
  struct Options {
    int file_descriptor;
    bool terminal;     // a line may be redrawn
    size_t width = 0;  // columns; 0: whatever the terminal says at the time
    absl::Duration live_interval = absl::Milliseconds(100);
    absl::Duration plain_interval = absl::Seconds(10);
    std::function<absl::Time()> now = absl::Now;
  };

  // Standard error; a terminal unless TERM is missing or "dumb".
  static Options StandardError();

  explicit Progress(Options options);
  // Leaves the cursor at the start of a line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Whether Show() would show something: spares a step the formatting.
  bool Due() const;
  // The line if one is due.
  void Show(absl::string_view line);
  // The line in any case, e.g. the last one of an epoch.
  void ShowNow(absl::string_view line);
  // A line that stays, above the one that is redrawn.
  void Print(absl::string_view line);
  // Ends the redrawn line, which stays; another Show() begins a new one.
  void Finish();

 private:
  void Write(absl::string_view text) const;
  size_t Width() const;

  const Options options_;
  absl::Time last_ = absl::InfinitePast();
  bool line_is_open_ = false;
  std::string live_;    // the redrawn line
  std::string buffer_;  // reused
};

// The first `columns` characters of UTF-8 text, one column each.
absl::string_view FirstColumns(absl::string_view text, size_t columns);

// "42s", "1m 05s", "2h 03m", "3d 04h"; "n/a" if negative or infinite.
std::string FormatTime(absl::Duration time);

// "1234 steps/s", "45.6 steps/s", "7.89 steps/s"; below one a second
// "1.25 s/step"; "n/a" unless positive and finite.
std::string FormatStepRate(double steps_per_second);

// What is left if it goes on as before; infinite before the first step.
absl::Duration TimeLeft(int64_t done, int64_t total, absl::Duration elapsed);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_PROGRESS_H_
