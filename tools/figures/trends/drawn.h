// What a function that draws pictures of a sweep reports.
#ifndef POLARIZE_TOOLS_FIGURES_TRENDS_DRAWN_H_
#define POLARIZE_TOOLS_FIGURES_TRENDS_DRAWN_H_

#include <string>
#include <utility>
#include <vector>

namespace polarize {

struct DrawnPicture {
  std::string name;     // of its files, without ".svg"
  std::string caption;  // a sentence or two: what it is made of
};

struct MissingPicture {
  std::string name;
  std::string why;  // "not run: ..."
};

struct Drawn {
  std::vector<DrawnPicture> pictures;
  std::vector<MissingPicture> missing;

  void Append(Drawn other) {
    for (DrawnPicture& p : other.pictures) pictures.push_back(std::move(p));
    for (MissingPicture& p : other.missing) missing.push_back(std::move(p));
  }
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_FIGURES_TRENDS_DRAWN_H_
