// One line per picture: that it was drawn, or why not.
#ifndef POLARIZE_TOOLS_FIGURES_PICTURE_LOG_H_
#define POLARIZE_TOOLS_FIGURES_PICTURE_LOG_H_

#include <cstddef>
#include <cstdio>

#include "absl/strings/string_view.h"

namespace polarize {

class PictureLog {
 public:
  explicit PictureLog(std::FILE* out) : out_(out) {}

  void Drawn(absl::string_view picture) {
    ++drawn_;
    Line("drawn    ", picture, "");
  }
  void NoData(absl::string_view picture, absl::string_view why) {
    ++without_data_;
    Line("no data  ", picture, why);
  }

  void Note(absl::string_view text) { Line("note     ", text, ""); }

  size_t drawn() const { return drawn_; }
  size_t without_data() const { return without_data_; }

 private:
  void Line(const char* what, absl::string_view picture,
            absl::string_view why) {
    std::fprintf(out_, "%s%.*s%s%.*s\n", what, static_cast<int>(picture.size()),
                 picture.data(), why.empty() ? "" : ": ",
                 static_cast<int>(why.size()), why.data());
    std::fflush(out_);
  }

  std::FILE* out_;
  size_t drawn_ = 0, without_data_ = 0;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_PICTURE_LOG_H_
